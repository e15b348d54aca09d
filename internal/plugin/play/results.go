package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

// cli calls bitcoin-cli. An expected error is its result.
func (p *Player) cli(ctx context.Context, node noderef.Node, c *scenario.CLI) (any, error) {
	arguments := make([]string, len(c.Arguments))
	for i, argument := range c.Arguments {
		arguments[i] = scenario.Text(argument)
	}
	text, err := p.Cluster.CLI(ctx, node.Pod, arguments...)
	if c.Error == nil {
		return parsed(text), err
	}
	switch {
	case err == nil:
		return nil, fmt.Errorf("expected the error %d of bitcoind on node %d, and it returned %s", *c.Error, node.Ordinal, brief(text))
	case cluster.IsCode(err, int(*c.Error)):
		return err.Error(), nil
	}
	return nil, fmt.Errorf("expected the error %d of bitcoind on node %d: %w", *c.Error, node.Ordinal, err)
}

// maxNumber is longer than any number of bitcoind: a longer one is a hash without a letter.
const maxNumber = 20

// parsed is the value of a JSON text, or the text itself: bitcoin-cli prints a hash without quotes.
func parsed(text string) any {
	isNumber := text != "" && strings.Trim(text[:1], "-0123456789") == ""
	if isNumber && len(text) > maxNumber {
		return text
	}
	value, err := decode([]byte(text))
	if err != nil {
		return text
	}
	return value
}

// decode keeps numbers as they are written.
func decode(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, fmt.Errorf("no JSON: %s", brief(string(text)))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// generic is a result as references use it.
func generic(result any) (any, error) {
	if result == nil {
		return map[string]any{}, nil
	}
	text, err := json.Marshal(result)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

const maxBrief = 120

func brief(text string) string {
	if runes := []rune(text); len(runes) > maxBrief {
		return string(runes[:maxBrief]) + "…"
	}
	return text
}

package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/amount"
)

var errNoScalar = errors.New("is not a text or a number")

// Duration is written as 90s, 5m or 1h30m.
type Duration time.Duration

// maxDuration is more than a scenario takes.
const maxDuration = 24 * time.Hour

// UnmarshalJSON reads a duration.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	value, wrong := time.ParseDuration(text)
	if err != nil || wrong != nil || value < 0 || value > maxDuration {
		return fmt.Errorf("%s is not a duration up to 24h: write one such as 10s or 1m30s", strings.TrimSpace(string(data)))
	}
	*d = Duration(value)
	return nil
}

// Or is the duration, or a default when it is not set.
func (d Duration) Or(otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}

// Amount is exact.
type Amount amount.Satoshis

// UnmarshalJSON reads an amount in bitcoins or satoshis.
func (a *Amount) UnmarshalJSON(data []byte) error {
	value, err := amount.Parse(strings.Trim(string(data), `"`))
	*a = Amount(value)
	return err
}

// Node names a node: an ordinal, a pod, GROUP/NUMBER, or random.
type Node string

// Random is any node, by the seed.
const Random Node = "random"

var nodeName = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// UnmarshalJSON reads a name.
func (n *Node) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if !nodeName.MatchString(text) {
		return fmt.Errorf("%s names no node: write an ordinal such as 2, a pod, GROUP/0, or random", data)
	}
	*n = Node(text)
	return nil
}

// NodeSet is a list of ordinals such as 0,2-4.
type NodeSet string

var nodeSet = regexp.MustCompile(`^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*$`)

// UnmarshalJSON reads a list.
func (n *NodeSet) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if !nodeSet.MatchString(text) {
		return fmt.Errorf("%s is not a list of nodes: write ordinals, such as 0,2 or 0-3", data)
	}
	*n = NodeSet(text)
	return nil
}

// Comparison compares what is seen with a value: 5, >= 5, or 1..3.
type Comparison struct {
	operator, text string
	low, high      *big.Rat
}

var (
	comparison = regexp.MustCompile(`^\s*(<=|>=|!=|<|>|=)?\s*(.*?)\s*$`)
	decimal    = regexp.MustCompile(`^-?[0-9]{1,20}([.][0-9]{1,20})?$`)
	between    = regexp.MustCompile(`^(-?[0-9.]{1,40}?)[.][.](-?[0-9.]{1,40})$`)
)

// UnmarshalJSON reads a comparison.
func (c *Comparison) UnmarshalJSON(data []byte) error {
	var text string
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	} else {
		text = string(data)
	}
	parsed, err := ParseComparison(text)
	*c = parsed
	return err
}

// ParseComparison reads a comparison.
func ParseComparison(text string) (Comparison, error) {
	match := comparison.FindStringSubmatch(text)
	if match == nil || match[2] == "" && match[1] != "" {
		return Comparison{}, fmt.Errorf("%q is not a comparison: write a value such as 5, one such as >= 5, or a range such as 1..3", text)
	}
	c := Comparison{operator: match[1], text: match[2]}
	if c.operator == "" {
		c.operator = "="
	}
	if limits := between.FindStringSubmatch(c.text); limits != nil && c.operator == "=" {
		c.low, c.high = number(limits[1]), number(limits[2])
		if c.low == nil || c.high == nil || c.low.Cmp(c.high) > 0 {
			return Comparison{}, fmt.Errorf("%q is not a range: write one such as 1..3", text)
		}
		c.operator = ".."
		return c, nil
	}
	if c.low = number(c.text); c.low == nil && c.operator != "=" && c.operator != "!=" {
		return Comparison{}, fmt.Errorf("%q compares with a text: only = and != do", text)
	}
	return c, nil
}

// number is exact; nil for what is none.
func number(text string) *big.Rat {
	if !decimal.MatchString(text) {
		return nil
	}
	value, _ := new(big.Rat).SetString(text)
	return value
}

// Holds reports whether the comparison holds for what is seen. One with a number never holds for a text.
func (c Comparison) Holds(seen string) bool {
	value := number(seen)
	if c.low != nil && value == nil {
		return false // nothing to compare, also for !=
	}
	if c.low == nil {
		return (c.operator == "=" && seen == c.text) || (c.operator == "!=" && seen != c.text)
	}
	order := value.Cmp(c.low)
	switch c.operator {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order >= 0 && value.Cmp(c.high) <= 0
}

// HoldsInt is Holds for a number.
func (c Comparison) HoldsInt(seen int64) bool { return c.Holds(strconv.FormatInt(seen, 10)) }

// String is the comparison as a person reads it.
func (c Comparison) String() string {
	if c.operator == "=" || c.operator == ".." {
		return c.text
	}
	return c.operator + " " + c.text
}

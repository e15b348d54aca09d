// Package amount parses and formats amounts of bitcoin exactly: in satoshis, never as floating-point numbers, in which 0.1 + 0.2 is
// not 0.3.
package amount

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// Satoshis is an amount; 100,000,000 are one bitcoin.
type Satoshis int64

// Coin is one bitcoin, and Max the number of coins that bitcoind accepts in an amount.
const (
	Coin     Satoshis = 100_000_000
	Max               = 21_000_000 * Coin
	decimals          = 8
)

// Parse reads an amount that a person writes: 10, 0.5 or 1.5btc in bitcoins, 150000sat in satoshis. It must be more than 0.
func Parse(text string) (Satoshis, error) {
	value, err := parse(text)
	switch {
	case err != nil:
		return 0, err
	case value <= 0:
		return 0, invalid.Errorf("the amount %q is not more than 0: write it in bitcoins, such as 0.5, or in satoshis, such as 1000sat", text)
	}
	return value, nil
}

// ParseSatoshis reads an amount that a person writes for Lightning, where a number without a unit is satoshis: 1000, 1000sat, 0.01btc.
func ParseSatoshis(text string) (Satoshis, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	if strings.HasSuffix(lower, "sat") || strings.HasSuffix(lower, "sats") || strings.HasSuffix(lower, "btc") {
		return Parse(text)
	}
	if !digits(lower) {
		return 0, invalid.Errorf("the amount %q is not a number of satoshis: write a whole number, such as 1000, or bitcoins with their unit, such as 0.01btc", text)
	}
	return Parse(lower + "sat")
}

// ParseJSON reads an amount as bitcoind writes it, without the detour of a floating-point number. It may be 0 or negative.
func ParseJSON(number string) (Satoshis, error) {
	if rest, negative := strings.CutPrefix(number, "-"); negative {
		value, err := parseCoins(rest, number)
		return -value, err
	}
	return parseCoins(number, number)
}

func parse(text string) (Satoshis, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	for _, unit := range []string{"sats", "sat"} {
		if number, ok := strings.CutSuffix(lower, unit); ok {
			return parseWhole(strings.TrimSpace(number), text)
		}
	}
	return parseCoins(strings.TrimSpace(strings.TrimSuffix(lower, "btc")), text)
}

func parseWhole(number, text string) (Satoshis, error) {
	if !digits(number) {
		return 0, wrong(text)
	}
	value, err := strconv.ParseInt(number, 10, 64)
	if err != nil || Satoshis(value) > Max {
		return 0, tooMuch(text)
	}
	return Satoshis(value), nil
}

func parseCoins(number, text string) (Satoshis, error) {
	whole, fraction, point := strings.Cut(number, ".")
	if whole == "" && fraction != "" {
		whole = "0"
	}
	if !digits(whole) || point && !digits(fraction) {
		return 0, wrong(text)
	}
	kept := strings.TrimRight(fraction, "0")
	if len(kept) > decimals {
		return 0, invalid.Errorf("the amount %q has more than %d decimals: 0.00000001, one satoshi, is the smallest amount", text, decimals)
	}
	coins, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || coins > int64(Max/Coin) {
		return 0, tooMuch(text)
	}
	rest, err := strconv.ParseInt(kept+strings.Repeat("0", decimals-len(kept)), 10, 64)
	value := Satoshis(coins)*Coin + Satoshis(rest)
	if err != nil || value > Max {
		return 0, tooMuch(text)
	}
	return value, nil
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func wrong(text string) error {
	return invalid.Errorf("the amount %q is not a number: write it in bitcoins, such as 0.5, or in satoshis, such as 1000sat", text)
}

func tooMuch(text string) error {
	return invalid.Errorf("the amount %q is more than the %d bitcoins that can ever exist", text, Max/Coin)
}

// String is the amount in bitcoins with all eight decimals, as bitcoind writes and accepts it.
func (s Satoshis) String() string {
	sign := ""
	if s < 0 {
		sign = "-"
		s = -s
	}
	return fmt.Sprintf("%s%d.%08d", sign, s/Coin, s%Coin)
}

// MarshalJSON writes the number as bitcoind does.
func (s Satoshis) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a number of bitcoind.
func (s *Satoshis) UnmarshalJSON(number []byte) error {
	value, err := ParseJSON(string(number))
	*s = value
	return err
}

// halving is the number of blocks after which regtest halves the subsidy.
const halving = 150

// Subsidy is what the block at a height pays its miner on regtest, without fees.
func Subsidy(height int64) Satoshis {
	if height < 0 || height/halving >= 64 {
		return 0
	}
	return 50 * Coin >> (height / halving)
}

// BlocksFor is the number of blocks above a height whose subsidies are together at least the amount; false when the chain cannot pay it
// any more, because the subsidy has become 0.
func BlocksFor(height int64, value Satoshis) (blocks int64, ok bool) {
	for ; value > 0; blocks++ {
		subsidy := Subsidy(height + blocks + 1)
		if subsidy == 0 {
			return 0, false
		}
		value -= subsidy
	}
	return blocks, true
}

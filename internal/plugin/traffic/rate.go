// Package traffic sends transactions between the wallets of the nodes of a network at a rate, as on a network that people use.
package traffic

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// maxRate by the second is more than a chain with a block every ten seconds has room for.
const maxRate = 1000

// ParseRate reads a rate such as 5/s, 30/m or 5, which is by the second, and returns the time between two transactions.
func ParseRate(text string) (time.Duration, error) {
	number, unit, given := strings.Cut(text, "/")
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !given {
		per = time.Second
	}
	count, err := strconv.ParseUint(number, 10, 32)
	if err != nil || per == 0 || count == 0 || per/time.Duration(count) < time.Second/maxRate { //nolint:gosec // 32 bits
		return 0, invalid.Errorf("%q is not a rate up to %d/s: write one such as 5/s or 30/m", text, maxRate)
	}
	return per / time.Duration(count), nil //nolint:gosec // 32 bits
}

// Fees are the fee rates that transactions pay, in satoshis for each virtual byte.
type Fees struct{ Least, Most int }

// maxFee in satoshis for each virtual byte keeps a transaction below the fee that bitcoind takes for a mistake.
const maxFee = 5000

// ParseFees reads a fee rate, or a range such as 1-50.
func ParseFees(text string) (Fees, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	least, err := strconv.Atoi(first)
	most, errMost := strconv.Atoi(last)
	if err != nil || errMost != nil || least < 1 || most < least || most > maxFee {
		return Fees{}, invalid.Errorf("%q is not a fee rate from 1 to %d satoshis for each virtual byte: write one such as 10, or a range such as 1-50", text, maxFee)
	}
	return Fees{least, most}, nil
}

// Rate returns one of the fee rates; random returns a number below its argument.
func (f Fees) Rate(random func(int) int) int { return f.Least + random(f.Most-f.Least+1) }

// Pick returns one of the fee rates as an argument of bitcoin-cli.
func (f Fees) Pick(random func(int) int) string { return fmt.Sprintf("fee_rate=%d", f.Rate(random)) }

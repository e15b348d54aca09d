package amount

import (
	"encoding/json"
	"testing"
)

func TestAmountsAreExact(t *testing.T) {
	for text, want := range map[string]Satoshis{
		"10": 10 * Coin, "0.5": Coin / 2, ".5": Coin / 2, "1.50": 3 * Coin / 2, "0.00000001": 1, "0.1": 10_000_000, "0.3": 30_000_000,
		"20999999.99999999": Max - 1, "21000000": Max, "1sat": 1, "150000 sats": 150_000, "1.5btc": 3 * Coin / 2, "2 BTC": 2 * Coin,
		"1.000000000": Coin, "0.070000000000": 7_000_000,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q is %d (%v), and should be %d", text, got, err, want)
		}
	}
}

func TestWrongAmountsAreRejected(t *testing.T) {
	for _, text := range []string{
		"", "0", "0.0", "-1", "+1", "1e3", "1,5", "0x10", "1.", ".", "0.000000001", "21000000.00000001", "99999999999999999999", "1.5sat",
		"sat", "btc", "NaN", "1 2", "1.2.3", "2100000000000001sat", "٣", "9223372036854775808sat",
	} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is accepted as %s", text, got)
		}
	}
}

func TestAnAmountIsWrittenAndReadAsBitcoindDoes(t *testing.T) {
	for value, want := range map[Satoshis]string{0: "0.00000000", 1: "0.00000001", -150_000_000: "-1.50000000", Max: "21000000.00000000"} {
		text, err := json.Marshal(value)
		if err != nil || string(text) != want {
			t.Errorf("%d is written as %s (%v), and should be %s", value, text, err, want)
		}
		var back Satoshis
		if err := json.Unmarshal(text, &back); err != nil || back != value {
			t.Errorf("%s is read as %d (%v)", text, back, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"10", "0.5", "1sat", "21000000", "0.00000001", "-1", "1e9"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(value.String()); value <= 0 || value > Max || err != nil || again != value {
			t.Errorf("%q is %d, and its text %s is %d (%v)", text, value, value, again, err)
		}
	})
}

func TestTheSubsidyHalves(t *testing.T) {
	for height, want := range map[int64]Satoshis{1: 50 * Coin, 149: 50 * Coin, 150: 25 * Coin, 300: 1_250_000_000, 150 * 32: 1, 150 * 33: 0, 1 << 40: 0, -1: 0} {
		if got := Subsidy(height); got != want {
			t.Errorf("block %d pays %s, and should pay %s", height, got, want)
		}
	}
}

func TestBlocksForCountsTheSubsidies(t *testing.T) {
	for _, c := range []struct {
		height int64
		value  Satoshis
		blocks int64
		ok     bool
	}{
		{0, 0, 0, true}, {0, 1, 1, true}, {0, 50 * Coin, 1, true}, {0, 50*Coin + 1, 2, true}, {148, 75 * Coin, 2, true}, {148, 75*Coin + 1, 3, true},
		{0, 149*50*Coin + 25*Coin, 150, true}, {0, 15_000 * Coin, 0, false}, {5000, 1, 0, false},
	} {
		if blocks, ok := BlocksFor(c.height, c.value); blocks != c.blocks || ok != c.ok {
			t.Errorf("%s above %d takes %d blocks (%t), and should take %d (%t)", c.value, c.height, blocks, ok, c.blocks, c.ok)
		}
	}
}

func TestAmountsOfLightningAreSatoshisWithoutAUnit(t *testing.T) {
	for text, want := range map[string]Satoshis{"1": 1, " 1000 ": 1000, "1000sat": 1000, "5sats": 5, "0.00001btc": 1000, "1BTC": Coin, "2100000000000000": Max} {
		if got, err := ParseSatoshis(text); err != nil || got != want {
			t.Errorf("%q is %d, and should be %d (%v)", text, got, want, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "0.5", "1e3", "1,000", "0x10", "2100000000000001", "99999999999999999999", "0.000000001btc", "sat", "btc", "1 000", "+1"} {
		if got, err := ParseSatoshis(text); err == nil {
			t.Errorf("%q is accepted as %d", text, got)
		}
	}
}

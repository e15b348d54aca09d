package index

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// short is an overview in short: chart, versions, release, count.
func short(list []Summary) map[string]string {
	out := map[string]string{}
	for _, s := range list {
		var versions []string
		for _, e := range s.Newest {
			versions = append(versions, e.Version)
		}
		release := "none"
		if s.Release != nil {
			release = s.Release.Version
		}
		out[s.Name] = strings.Join(versions, " ") + ", release " + release + ", of " + strings.Repeat("|", s.Versions)
	}
	return out
}

func TestAnOverviewHasTheNewestVersionsAndTheLastRelease(t *testing.T) {
	var text []byte
	for name, versions := range map[string][]string{
		"a": {"1.0.0", "1.1.0-dev.1.gabc", "1.1.0-dev.2.gabc", "0.9.0"}, "b": {"1.0.0-rc.1"}, "c": {"2.0.0", "10.0.0"}, "d": {"1.0.0"},
	} {
		for _, v := range versions {
			text = add(t, text, entry(name, v))
		}
	}
	list, total, err := Overview(text, 3, 2)
	if err != nil || total != 4 {
		t.Errorf("%d charts, %v", total, err)
	}
	want := map[string]string{
		"a": "1.1.0-dev.2.gabc 1.1.0-dev.1.gabc, release 1.0.0, of ||||",
		"b": "1.0.0-rc.1, release none, of |", "c": "10.0.0 2.0.0, release 10.0.0, of ||",
	}
	if diff := cmp.Diff(want, short(list)); diff != "" {
		t.Error(diff)
	}
	if list, total, err := Overview(nil, 3, 2); len(list) != 0 || total != 0 || err != nil {
		t.Errorf("of nothing: %v %d %v", list, total, err)
	}
	if _, _, err := Overview([]byte("entries: [\n"), 3, 2); !errors.Is(err, ErrCorrupt) {
		t.Errorf("of a damaged index: %v", err)
	}
}

func TestAnOverviewLeavesOutWhatCannotBeDecoded(t *testing.T) {
	text := add(t, add(t, nil, entry("a", "1.0.0")), entry("a", "2.0.0"))
	broken := strings.Replace(string(text), "created: \"2026", "created: \"no date 2026", 1)
	if broken == string(text) {
		t.Fatalf("no time in\n%s", text)
	}
	list, _, err := Overview([]byte(broken), 9, 9)
	if diff := cmp.Diff(map[string]string{"a": "1.0.0, release 1.0.0, of ||"}, short(list)); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// Counted in allocations, which do not depend on how busy the machine is.
func TestAnOverviewDecodesOnlyWhatItGives(t *testing.T) {
	text := large(t, 1000)
	all := testing.AllocsPerRun(1, func() { _, _ = List(text) })
	some := testing.AllocsPerRun(1, func() {
		if list, _, err := Overview(text, 9, 10); err != nil || len(list[0].Newest) != 10 {
			t.Error(len(list), err)
		}
	})
	if some > all/10 {
		t.Errorf("%.0f allocations, and %.0f for all 1000 versions", some, all)
	}
}

func BenchmarkOverview(b *testing.B) {
	text := large(b, 10000)
	defer processorTime(b)()
	for b.Loop() {
		if _, _, err := Overview(text, 100, 30); err != nil {
			b.Fatal(err)
		}
	}
}

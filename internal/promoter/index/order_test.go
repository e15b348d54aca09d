package index

import (
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
)

// FuzzOrder compares the order of versions with that of the library that Helm uses.
func FuzzOrder(f *testing.F) {
	versions := []string{"1.2.3", "1.10.0", "01.2.3", "1.2", "v1.2.3", "1.2.3-rc.1", "1.2.3+build", "1.2.3-rc.1+build", "", "x", "1.2.3.4", "999999999.0.0", "9999999999.0.0", "1..2", "1.2.3 "}
	for _, a := range versions {
		for _, b := range versions {
			f.Add(a, b)
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		va, errA := semver.NewVersion(a)
		vb, errB := semver.NewVersion(b)
		oa, ob := newOrder(a), newOrder(b)
		if oa.valid != (errA == nil) || ob.valid != (errB == nil) {
			t.Fatalf("%q valid %v (%v), %q valid %v (%v)", a, oa.valid, errA, b, ob.valid, errB)
		}
		if errA != nil || errB != nil {
			return
		}
		if got, want := oa.compare(ob), va.Compare(vb); got != want {
			t.Errorf("%q against %q: %d, want %d", a, b, got, want)
		}
		if oa.pre != (va.Prerelease() != "") {
			t.Errorf("%q: prerelease %v, want %q", a, oa.pre, va.Prerelease())
		}
	})
}

func TestVersionsAreOrderedIndependentlyOfTheOrderOfAdding(t *testing.T) {
	index := []byte(nil)
	for _, v := range []string{"1.0.0", "0.9-dev64ed033", "1.0.1-dev.10.gabcdef0", "0.9", "1.0.1-dev.9.g0123456", "2.0.0", "10.0.0", "1.0.1"} {
		index = add(t, index, entry("a", v))
	}
	var got []string
	all, err := List(index)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		got = append(got, e.Version)
	}
	want := []string{"10.0.0", "2.0.0", "1.0.1", "1.0.1-dev.10.gabcdef0", "1.0.1-dev.9.g0123456", "1.0.0", "0.9", "0.9-dev64ed033"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i, v := range []string{"version: 10.0.0", "version: 2.0.0"} {
		if at := strings.Index(string(index), v); at < 0 || strings.Count(string(index[:at]), "\n  - ") != i+1 {
			t.Errorf("%s is not number %d in the file", v, i+1)
		}
	}
	if e, found, _ := Latest(index, "a", false); !found || e.Version != "10.0.0" {
		t.Errorf("latest is %+v", e)
	}
}

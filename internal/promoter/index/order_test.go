package index

import (
	"testing"

	"github.com/Masterminds/semver/v3"
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

package podprogram

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTheOrdinalIsAtTheEndOfThePodsName(t *testing.T) {
	for pod, want := range map[string]int{"my-network-sts-0": 0, "a-1-sts-17": 17, "sts": -1, "sts-": -1, "sts-x": -1, "": -1, "7": -1} {
		got, err := Ordinal(pod)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %d, %v", pod, got, err)
		}
	}
}

func TestAProgramCopiesItselfIntoAVolume(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := CopyTo(dir, "program"); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	got, err := os.ReadFile(path) //nolint:gosec // in the test's own directory
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the copy has %d bytes, the program %d, %v", len(got), len(want), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("%v, %v", info, err)
	}
}

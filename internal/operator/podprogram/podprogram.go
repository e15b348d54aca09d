// Package podprogram is what the operator's programs that are the first process of a container have in common: children and their
// output, and how they get there. It imports the standard library only, because many pods start such a program.
package podprogram

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Ordinal of a StatefulSet's pod is the number at the end of its name.
func Ordinal(pod string) (int, error) {
	ordinal, err := strconv.Atoi(pod[strings.LastIndex(pod, "-")+1:])
	if err != nil || ordinal < 0 || !strings.Contains(pod, "-") {
		return 0, fmt.Errorf("the pod's name %q does not end with its ordinal", pod)
	}
	return ordinal, nil
}

// CopyTo copies the running program into a directory, for containers of other images that mount it: they may have no program that
// could.
func CopyTo(dir, name string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	path := filepath.Join(dir, name)
	// A container that runs again may find the program in use, which cannot be written to.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o555) //nolint:gosec // a program
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

package testtools

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// InTime returns the error of a call, which must end within the limit: for what is to be given up and could hang for ever.
func InTime(t *testing.T, limit time.Duration, call func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		t.Fatalf("the call has not ended within %s", limit)
		return nil
	}
}

// Abandoned returns a directory in which a call that was given up may still write for a moment when the test has ended. What hangs has to be
// killed by a cleanup that is registered later.
func Abandoned(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "abandoned-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for until := time.Now().Add(10 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
	})
	return dir
}

// PutFiles writes files, by their paths in a directory.
func PutFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

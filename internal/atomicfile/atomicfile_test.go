package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// The ways to write a file, with everything that they have in common.
var ways = map[string]func(path string, content []byte, mode fs.FileMode) error{
	"Write":      Write,
	"WriteMkdir": WriteMkdir,
	"WritePart": func(path string, content []byte, mode fs.FileMode) error {
		return WritePart(path, ".part", content, mode)
	},
	"WritePieces": func(path string, content []byte, mode fs.FileMode) error {
		half := len(content) / 2
		return WritePieces(path, ".part", [][]byte{content[:half], nil, content[half:]}, mode)
	},
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func checkOnly(t *testing.T, path, content string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, content)
	}
	if names := list(t, filepath.Dir(path)); !slices.Equal(names, []string{filepath.Base(path)}) {
		t.Errorf("the directory holds %v", names)
	}
}

func TestWriteCreatesAndReplacesTheFileWithItsMode(t *testing.T) {
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			for _, content := range []string{"one", "", "a longer text than the first"} {
				if err := write(path, []byte(content), 0o640); err != nil {
					t.Fatal(err)
				}
				checkOnly(t, path, content)
				if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
					t.Errorf("mode %v, %v", info.Mode(), err)
				}
			}
		})
	}
}

func TestWriteIgnoresTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWriteMkdirCreatesTheDirectories(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "file")
	if err := Write(path, []byte("x"), 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the directory: %v", err)
	}
	if err := WriteMkdir(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	checkOnly(t, path, "x")
}

func TestWritePartReplacesWhatAKilledProcessLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".part"), bytes.Repeat([]byte("left"), 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WritePart(path, ".part", []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	checkOnly(t, path, "new")
}

func TestAFullDiskLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", filepath.Join(filepath.Dir(path), ".part")); err != nil {
		t.Fatal(err)
	}
	if err := WritePart(path, ".part", []byte("new"), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	checkOnly(t, path, "old")
}

// The limit on a file's size is a full disk for a file with a random name.
func TestAFileThatIsTooLargeLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = 100
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	err := Write(path, make([]byte, 1000), 0o644)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got %v, want EFBIG", err)
	}
	checkOnly(t, path, "old")
}

func TestADirectoryAtThePathStays(t *testing.T) {
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.MkdirAll(filepath.Join(path, "below"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := write(path, []byte("x"), 0o644); err == nil {
				t.Error("a directory was replaced")
			}
			if names := list(t, filepath.Dir(path)); !slices.Equal(names, []string{"file"}) {
				t.Errorf("the directory holds %v", names)
			}
			if names := list(t, path); !slices.Equal(names, []string{"below"}) {
				t.Errorf("the target holds %v", names)
			}
		})
	}
}

// A file in place of the directory fails for root too, whom no permission stops.
func TestADirectoryThatCannotBeWrittenIsAnError(t *testing.T) {
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "no-directory"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := write(filepath.Join(dir, "no-directory", "file"), []byte("x"), 0o644); !errors.Is(err, syscall.ENOTDIR) {
				t.Errorf("below a file: %v", err)
			}
			if err := write("/proc/sys/kernel/file", []byte("x"), 0o644); err == nil {
				t.Error("wrote below /proc")
			}
			if os.Getuid() == 0 {
				return
			}
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			if err := write(filepath.Join(dir, "file"), []byte("x"), 0o644); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("in a read-only directory: %v", err)
			}
		})
	}
}

func TestAReaderNeverSeesAPart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	contents := [][]byte{bytes.Repeat([]byte("a"), 1<<16), bytes.Repeat([]byte("b"), 1<<15)}
	if err := Write(path, contents[0], 0o644); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, content := range contents {
		writers.Go(func() {
			for range 20 {
				if err := Write(path, content, 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for {
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, contents[0]) && !bytes.Equal(got, contents[1]) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		select {
		case <-done:
			if names := list(t, filepath.Dir(path)); len(names) != 1 {
				t.Errorf("the directory holds %v", names)
			}
			return
		default:
		}
	}
}

// The directory does not exist, so that a call would fail.
func TestADirectoryIsNotSyncedWhereTheSystemDeniesIt(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if err := syncDir(missing, "windows"); err != nil {
		t.Errorf("on Windows: %v", err)
	}
	if err := syncDir(missing, "linux"); err == nil {
		t.Error("on Linux the directory is not opened")
	}
}

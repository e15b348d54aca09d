package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	// namedTest is a test in a code span, and declaredTest one in a Go file.
	namedTest    = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	declaredTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
)

// testFiles are the texts of all files with tests, by their paths in the repository, which is the current directory afterwards.
func testFiles(t *testing.T) map[string]string {
	t.Helper()
	t.Chdir("../..")
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*_test.go").Output()
	if err != nil {
		t.Skipf("the files of the repository are not known: %v", err)
	}
	texts := map[string]string{}
	for _, file := range strings.Fields(string(out)) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // deleted, and not committed yet
		}
		texts[file] = string(text)
	}
	return texts
}

func TestEveryTestThatTheDocumentationNamesExists(t *testing.T) {
	declared := map[string]bool{}
	for _, text := range testFiles(t) {
		for _, m := range declaredTest.FindAllStringSubmatch(text, -1) {
			declared[m[1]] = true
		}
	}
	for _, page := range pages(t) {
		if page == "CHANGELOG.md" {
			continue
		}
		for _, m := range namedTest.FindAllStringSubmatch(readPage(t, page), -1) {
			if !declared[m[1]] {
				t.Errorf("%s names the test %s, which does not exist", page, m[1])
			}
		}
	}
}

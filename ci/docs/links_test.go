package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	// path is a file or directory of this repository in a code span.
	path    = regexp.MustCompile("`((?:internal|pkg|docs|ci|cmd|scripts|test|charts)/[A-Za-z0-9_./*-]+)`")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence   = regexp.MustCompile("(?s)```.*?```")
)

// pages are the Markdown files that people write; those of docs/cli come from cobra.
func pages(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	if err != nil {
		t.Skipf("the files of the repository are not known: %v", err)
	}
	var list []string
	for _, name := range strings.Fields(string(out)) {
		if !strings.HasPrefix(name, "docs/cli/") && !strings.HasPrefix(name, "ci/schema/") {
			list = append(list, name)
		}
	}
	return list
}

func TestEveryFileThatTheDocumentationNamesExists(t *testing.T) {
	t.Chdir("../..")
	for _, page := range pages(t) {
		text := readPage(t, page)
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor := m[1], strings.TrimPrefix(m[2], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s has a link to %s, which does not exist", page, target)
				continue
			}
			if anchor != "" && !hasHeading(readPage(t, file), anchor) {
				t.Errorf("%s has a link to the section %s of %s, which does not exist", page, anchor, file)
			}
		}
		if page == "CHANGELOG.md" {
			continue // it names files of earlier versions
		}
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "X.Y.Z") {
				continue // a tag, not a path
			}
			if found, err := filepath.Glob(m[1]); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// hasHeading reports whether a page has a section with this anchor, as GitHub names it.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := notInAnchors.ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(name, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// Command words fails when a text file of this repository has a word that the project no longer uses: names and sentences follow
// the field, so that nobody needs a dictionary. It prints each place with what to write instead.
//
//	go run ./ci/words [PATH...]    default: every file that git tracks
//
// rules.txt has the words, allowed.txt the places where they stay.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

//go:embed rules.txt
var rulesText string

//go:embed allowed.txt
var allowedText string

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

func run(paths []string) error {
	c, err := newChecker(rulesText, allowedText)
	if err != nil {
		return err
	}
	files, err := trackedFiles(paths)
	if err != nil {
		return err
	}
	total := 0
	for _, file := range files {
		if c.skips(file) {
			continue
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, found := range c.check(file, line) {
				fmt.Printf("%s:%d: %s\n", file, i+1, found)
				total++
			}
		}
	}
	if total > 0 {
		return fmt.Errorf("%d places use words of ci/words/rules.txt", total)
	}
	return nil
}

func trackedFiles(paths []string) ([]string, error) {
	out, err := exec.Command("git", append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, paths...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("list the files that git tracks: %w", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

// rule is a word that the project does not use.
type rule struct {
	// files limits the rule to paths that match; nil for all.
	files   *regexp.Regexp
	word    *regexp.Regexp
	instead string
}

// checker holds the rules and what they do not apply to.
type checker struct {
	rules []rule
	// skipped are whole files, and allowed the texts that are cut out of a line before it is checked.
	skipped, allowed []*regexp.Regexp
}

// newChecker reads the rules, lines of "WORD => INSTEAD" or "PATH :: WORD => INSTEAD", and the exceptions, lines of "file PATH" or
// "text TEXT". WORD, PATH and TEXT are regular expressions; empty lines and those that begin with # are comments.
func newChecker(rules, exceptions string) (*checker, error) {
	c := &checker{}
	for _, line := range contentLines(rules) {
		left, instead, ok := strings.Cut(line, " => ")
		if !ok {
			return nil, fmt.Errorf("rules.txt: %q has no =>", line)
		}
		r := rule{instead: instead}
		if path, word, limited := strings.Cut(left, " :: "); limited {
			files, err := regexp.Compile(path)
			if err != nil {
				return nil, fmt.Errorf("rules.txt: %w", err)
			}
			r.files, left = files, word
		}
		word, err := regexp.Compile(`(?i)\b(?:` + left + `)\b`)
		if err != nil {
			return nil, fmt.Errorf("rules.txt: %w", err)
		}
		r.word = word
		c.rules = append(c.rules, r)
	}
	for _, line := range contentLines(exceptions) {
		kind, pattern, _ := strings.Cut(line, " ")
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("allowed.txt: %w", err)
		}
		switch kind {
		case "file":
			c.skipped = append(c.skipped, compiled)
		case "text":
			c.allowed = append(c.allowed, compiled)
		default:
			return nil, fmt.Errorf("allowed.txt: %q begins with neither file nor text", line)
		}
	}
	return c, nil
}

func contentLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (c *checker) skips(file string) bool {
	for _, pattern := range c.skipped {
		if pattern.MatchString(file) {
			return true
		}
	}
	return false
}

// check returns what is found in a line, as "WORD: write INSTEAD".
func (c *checker) check(file, line string) (found []string) {
	for _, pattern := range c.allowed {
		line = pattern.ReplaceAllString(line, " ; ")
	}
	line = splitNames(line)
	for _, r := range c.rules {
		if r.files != nil && !r.files.MatchString(file) {
			continue
		}
		for _, word := range r.word.FindAllString(line, -1) {
			found = append(found, fmt.Sprintf("%q: write %s", word, r.instead))
		}
	}
	return found
}

var (
	camelCase = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronym   = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
)

// splitNames splits names such as pastLook, past_look and past-look into words.
func splitNames(line string) string {
	line = camelCase.ReplaceAllString(line, "$1 $2")
	line = acronym.ReplaceAllString(line, "$1 $2")
	return strings.NewReplacer("_", " ", "-", " ").Replace(line)
}

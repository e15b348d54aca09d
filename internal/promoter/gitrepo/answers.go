package gitrepo

import (
	"strings"
	"sync"
)

// Answers keeps what git answered about repositories that nothing changes as long as these answers are used: each question then starts
// one process, not one for each chart. An error is not kept. The zero value is ready to use, from many goroutines.
type Answers struct {
	mu    sync.Mutex
	known map[string]string
}

// question is the key of a call whose answer can be kept, "" for one that changes something or depends on more than the repository.
func (r *Repo) question(c call) string {
	if r.opts.Answers == nil || c.network || c.own || len(c.env) > 0 || c.stderr != nil {
		return ""
	}
	switch c.args[0] {
	case "cat-file", "for-each-ref", "ls-tree", "merge-base", "rev-list", "rev-parse", "status":
	case "tag":
		if len(c.args) < 2 || !isTagQuery(c.args[1]) {
			return ""
		}
	default:
		return ""
	}
	return strings.Join(append([]string{r.Dir, c.stdin}, c.args...), "\x00")
}

func isTagQuery(option string) bool {
	switch option {
	case "--list", "--points-at", "--merged", "--no-merged", "--contains", "--no-contains":
		return true
	}
	return false
}

func (a *Answers) get(question string) (answer string, known bool) {
	if question == "" {
		return "", false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, known = a.known[question]
	return answer, known
}

func (a *Answers) keep(question, answer string) {
	if question == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[string]string{}
	}
	a.known[question] = answer
}

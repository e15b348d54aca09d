package report

import "sync"

// Held is a reporter for what runs beside other steps: it keeps its lines until it may pass them on, so that they are not between the lines
// of those steps. Several goroutines may use it.
type Held struct {
	mu     sync.Mutex
	to     Reporter
	passes bool
	lines  []string
}

// Line implements Reporter.
func (h *Held) Line(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.passes {
		h.lines = append(h.lines, text)
		return
	}
	Linef(h.to, "%s", text)
}

// Step implements Reporter; nothing that is held is a step of its own.
func (h *Held) Step(name, _ string) func(string, error) {
	h.Line(name)
	return func(string, error) {}
}

// Pass passes the lines on to a reporter, those that come later too.
func (h *Held) Pass(r Reporter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range h.lines {
		Linef(r, "%s", text)
	}
	h.to, h.passes, h.lines = r, true, nil
}

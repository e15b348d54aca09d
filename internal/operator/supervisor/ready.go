//go:build linux

package supervisor

// maxFailures of a node before the pod no longer waits for it: the other nodes are of use without it.
const maxFailures = 3

// nodeChanged is called after a node has answered for the first time, and after its process has ended.
func (s *supervisor) nodeChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updateReady()
}

// updateReady makes the pod ready when no node is missing. A pod of which no node has answered is not ready, however often they have
// failed: a rollout of what no node starts with must not proceed to the next pod.
func (s *supervisor) updateReady() {
	if s.perPod == 0 {
		return
	}
	runs, answered := 0, 0
	for slot, n := range s.nodes {
		if !s.tasks[slot].runs {
			continue
		}
		runs++
		n.mu.Lock()
		missing := !n.answered && n.state.Exits < maxFailures
		if n.answered {
			answered++
		}
		n.mu.Unlock()
		if missing {
			return
		}
	}
	if runs == 0 || answered > 0 {
		s.ready = true
	}
}

func (s *supervisor) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

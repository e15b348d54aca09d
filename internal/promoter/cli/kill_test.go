package cli

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/testseed"
)

// The test kills bump, verify and promote with SIGKILL at random moments and runs the same command again: the result equals one
// without a kill, and no index ever names a missing archive. Child processes, git above all, survive the kill, as they do
// after a real one. PROMOTER_KILLS is the number of kills for each kind of repository; default 3.
func TestACommandKilledAtAnyMomentCompletesWhenRunAgain(t *testing.T) {
	t.Parallel()
	for target := range targets {
		t.Run(target, func(t *testing.T) {
			kills := 3
			if n, err := strconv.Atoi(os.Getenv("PROMOTER_KILLS")); err == nil {
				kills = n
			}
			rng := testseed.New(t)
			s := newTestPipeline(t, target, "v1.0.0")
			takes := map[string]time.Duration{}
			for _, command := range []string{"bump", "verify", "promote"} {
				start := time.Now()
				if out, err := s.process(command).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", command, err, out)
				}
				takes[command] = time.Since(start)
			}
			want := s.state()
			done := map[string]int{}
			for n := 0; n < kills; {
				s.empty(target)
				for _, command := range []string{"bump", "verify", "promote"} {
					if n < kills && s.killed(command, testseed.Below(rng, takes[command])) {
						n++
						done[command]++
						s.everyEntryHasItsArchive()
					}
					if out, err := s.process(command).CombinedOutput(); err != nil {
						t.Fatalf("%s after a kill: %v\n%s", command, err, out)
					}
				}
				if diff := cmp.Diff(want, s.state()); diff != "" {
					t.Fatalf("after kills %v the result differs (-want +got):\n%s", done, diff)
				}
			}
			t.Logf("killed during %v; without a kill they take %v", done, takes)
		})
	}
}

// killed runs a command and kills it after a while; it returns false when the command ended before.
func (s *testPipeline) killed(command string, after time.Duration) bool {
	s.t.Helper()
	var out bytes.Buffer
	cmd := s.process(command)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Minute // its child processes may hold the output open
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		s.t.Fatalf("%s: %v\n%s", command, err, out.String())
	}
	return true
}

package play

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/report"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

// executor answers instead of bitcoin-cli; the text is the call after the pod.
type executor func(ctx context.Context, call string) (string, error)

func (e executor) Exec(ctx context.Context, _, pod string, command []string, _ io.Reader, out, _ io.Writer) error {
	answer, err := e(ctx, pod+" "+strings.Join(command[2:], " "))
	_, _ = io.WriteString(out, answer)
	return err
}

// player has the network n with some nodes, whose calls go to the executor.
func player(t *testing.T, nodes int32, calls executor) (*Player, *networks.Clientset) {
	t.Helper()
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "n", Namespace: "ns"}, Spec: v1.BitcoinNetworkSpec{Nodes: nodes}}
	set := networks.NewClientset(network)
	p := &Player{
		Cluster:  &cluster.Client{Namespace: "ns", Networks: set, Core: fake.NewClientset(), Pods: calls, Poll: time.Millisecond},
		Scenario: &scenario.Scenario{}, Values: scenario.Values{}, Report: report.New("s", time.Now), Progress: t.Logf,
		network: "n", alive: t.Context(), tasks: map[string]*task{}, paused: map[int]*pause{}, endTimeout: 50 * time.Millisecond,
	}
	return p, set
}

// hangs is a node that does not answer until the caller gives up.
func hangs(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func number(t *testing.T, text string) *scenario.Comparison {
	t.Helper()
	c, err := scenario.ParseComparison(text)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// A node that hangs must not use up the time in which the network is deleted.
func TestTheNetworkIsDeletedAlthoughATaskDoesNotEnd(t *testing.T) {
	p, set := player(t, 1, hangs)
	end := make(chan struct{})
	defer close(end)
	if _, err := p.background(t.Context(), "deaf", 0, func(context.Context) (any, error) { <-end; return nil, nil }); err != nil {
		t.Fatal(err)
	}
	cleaned := make(chan error)
	go func() { cleaned <- p.clean(t.Context()) }()
	select {
	case err := <-cleaned:
		if err == nil || !strings.Contains(err.Error(), "deaf in the background did not end within 50ms") {
			t.Errorf("the end is %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the end of the scenario waits for a task that does not end")
	}
	list, err := set.BitcoincontrollerV1().BitcoinNetworks("ns").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("%d networks are left (%v)", len(list.Items), err)
	}
}

func TestStopEndsWithItsContext(t *testing.T) {
	p, _ := player(t, 1, hangs)
	p.endTimeout = time.Hour
	end := make(chan struct{})
	defer close(end)
	if _, err := p.background(t.Context(), "deaf", 0, func(context.Context) (any, error) { <-end; return nil, nil }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	stopped := make(chan error)
	go func() { _, err := p.stop(ctx, "deaf"); stopped <- err }()
	select {
	case err := <-stopped:
		if !errors.Is(err, context.DeadlineExceeded) || p.tasks["deaf"] == nil {
			t.Errorf("it ended with %v, and the task is known: %t", err, p.tasks["deaf"] != nil)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("stop waits longer than its step may")
	}
}

// The call of a miner continues after stop, but not for long.
func TestMinersEndAlthoughTheirNodeHangs(t *testing.T) {
	mining := make(chan struct{}, 1)
	p, set := player(t, 1, func(ctx context.Context, call string) (string, error) {
		switch {
		case strings.Contains(call, "generatetoaddress"):
			select {
			case mining <- struct{}{}:
			default:
			}
			return hangs(ctx, call)
		case strings.Contains(call, "getaddressesbylabel"):
			return `{"address": {}}`, nil
		}
		return "{}", nil
	})
	network, err := set.BitcoincontrollerV1().BitcoinNetworks("ns").Get(t.Context(), "n", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	step := &scenario.Step{As: "miners", Action: scenario.Action{Miners: &scenario.Miners{Every: scenario.Duration(minInterval), Shares: map[string]int64{"0": 1}}}}
	if _, err := p.miners(t.Context(), network, step); err != nil {
		t.Fatal(err)
	}
	<-mining
	started := time.Now()
	result, err := p.stop(t.Context(), "miners")
	if took := time.Since(started); err != nil || result.(mined).Blocks != 0 || took > 10*time.Second { //nolint:forcetypeassert // by its function
		t.Errorf("they ended after %s with %+v (%v)", took, result, err)
	}
}

func TestATaskThatFailedFailsWhatIsExpectedOfIt(t *testing.T) {
	p, _ := player(t, 1, func(context.Context, string) (string, error) { return `{"blocks": 1, "bestblockhash": "a"}`, nil })
	expect := &scenario.Expect{Tips: number(t, "1")}
	if _, err := p.expect(t.Context(), expect, 5*time.Second); err != nil {
		t.Fatalf("before: %v", err)
	}
	if _, err := p.background(t.Context(), "link", 0, func(context.Context) (any, error) { return nil, errors.New("broken") }); err != nil {
		t.Fatal(err)
	}
	<-p.tasks["link"].done
	if _, err := p.expect(t.Context(), expect, 5*time.Second); err == nil || !strings.Contains(err.Error(), "link in the background has failed meanwhile: broken") {
		t.Errorf("an expectation ends with %v", err)
	}
	if err := p.clean(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("the end is %v", err)
	}
}

// A killed node is away for a while.
func TestALinkSurvivesANodeThatIsAway(t *testing.T) {
	var mu sync.Mutex
	calls := []string{}
	away := true
	p, _ := player(t, 2, func(ctx context.Context, call string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call)
		switch {
		case strings.HasPrefix(call, "a waitforblockheight") && away:
			away = false
			return "", errors.New("container not found")
		case strings.HasPrefix(call, "a waitforblockheight 6"):
			return `{"height": 6, "hash": "six"}`, nil
		case strings.HasPrefix(call, "b getblockheader six"):
			return "{}", nil // it has it already: this ends the test
		case strings.HasPrefix(call, "a getblockchaininfo"):
			return `{"blocks": 5, "bestblockhash": "five"}`, nil
		}
		mu.Unlock()
		defer mu.Lock()
		return hangs(ctx, call)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- (&link{p: p}).follow(ctx, "a", "b") }()
	for {
		mu.Lock()
		carried := slices.Contains(calls, "b getblockheader six")
		mu.Unlock()
		if carried {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("the link ended with %v after %q", err, calls)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestAnActionWithoutEffectIsAnError(t *testing.T) {
	p, _ := player(t, 1, hangs)
	s, err := scenario.Parse("x", []byte("version: 1\nsteps: [{sleep: 0s}]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.act(t.Context(), &s.Steps[0], time.Minute); err != nil {
		t.Errorf("sleep: 0s ends with %v", err)
	}
	if _, err := p.act(t.Context(), &scenario.Step{}, time.Minute); err == nil {
		t.Error("a step without an action passes")
	}
	network := &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{Nodes: 1}}
	if _, err := p.miners(t.Context(), network, &scenario.Step{Action: scenario.Action{Miners: &scenario.Miners{Every: scenario.Duration(time.Second)}}}); err == nil {
		t.Error("miners without shares begin")
	}
}

// The clock of synctest stands still while a check works: how fast the machine is does not matter.
func TestWithinIsTheEndOfTheChecksToo(t *testing.T) {
	answers := func(context.Context, string) (string, error) { return `{"blocks": 1, "bestblockhash": "a"}`, nil }
	for name, c := range map[string]struct {
		nodes int32
		calls executor
		holds time.Duration
		want  string
	}{
		"a node that hangs": {2, func(ctx context.Context, call string) (string, error) {
			if strings.HasPrefix(call, "n-sts-1") {
				return hangs(ctx, call)
			}
			return answers(ctx, call)
		}, 0, "expected the answer of node 1 to be what is expected within 50ms, and it is missing"},
		"a check that ends after its time": {1, func(ctx context.Context, call string) (string, error) {
			time.Sleep(60 * time.Millisecond) // a slow node
			return answers(ctx, call)
		}, 0, "within 50ms, and the check of it ended later"},
		"what has to hold longer than there is time": {1, answers, time.Minute, "to hold for 1m0s within 50ms, and it had held for 50ms then"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := player(t, c.nodes, c.calls)
				start := time.Now()
				_, err := p.expect(t.Context(), &scenario.Expect{Height: number(t, "1"), Holds: scenario.Duration(c.holds)}, 50*time.Millisecond)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("it ends with %v, want %s", err, c.want)
				}
				if took := time.Since(start); took > 60*time.Millisecond {
					t.Errorf("it ends after %s", took)
				}
			})
		})
	}
}

func TestAnExpectationSurvivesABusyServer(t *testing.T) {
	p, set := player(t, 1, func(context.Context, string) (string, error) { return `{"blocks": 1, "bestblockhash": "a"}`, nil })
	busy := 2
	set.PrependReactor("get", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
		busy--
		return busy >= 0, nil, apierrors.NewTooManyRequests("later", 1)
	})
	if _, err := p.expect(t.Context(), &scenario.Expect{Height: number(t, "1")}, 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestNothingIsMetByNoNode(t *testing.T) {
	p, _ := player(t, 0, hangs)
	for _, e := range []*scenario.Expect{{Height: number(t, "999"), Best: "same"}, {}} {
		if _, err := p.expect(t.Context(), e, 20*time.Millisecond); err == nil || !strings.Contains(err.Error(), "the number of nodes that are asked to be at least 1") {
			t.Errorf("%+v ends with %v", e, err)
		}
	}
}

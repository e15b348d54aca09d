package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
	"github.com/christianb93/bitcoin-controller/internal/testseed"
)

func TestALandingPageHasTheCommandsToInstall(t *testing.T) {
	withFiles := listFiles(t, indexOf(t, "op 1.0.0"), "op", "1.0.0", index.File{Name: "z.tar.gz", Digest: digest(21)}, index.File{Name: "btcnet.yaml", Digest: digest(20), Krew: "btcnet"})
	for name, c := range map[string]struct {
		repo Repository
		text []byte
		want []string
		not  []string
	}{
		"one chart": {example, indexOf(t, "op 1.0.0", "op 1.1.0-rc.1"), []string{
			"helm repo add bitcoin-controller https://example.github.io/bitcoin-controller-helm\nhelm repo update bitcoin-controller\nhelm install op bitcoin-controller/op</code>",
		}, []string{"ADDRESS", "--version"}},
		"without an address":  {Repository{Name: "r"}, indexOf(t, "op 1.0.0"), []string{"helm repo add r ADDRESS\n", "the address of this page"}, nil},
		"only pre-releases":   {example, indexOf(t, "op 1.0.0-rc.1"), []string{"bitcoin-controller/op --version 1.0.0-rc.1"}, []string{">latest<"}},
		"nothing":             {example, nil, []string{"Nothing is published"}, []string{"helm repo add", "<table"}},
		"a status page":       {example, nil, []string{`<a href="status.html">`}, nil},
		"no status page":      {Repository{Name: "r"}, nil, nil, []string{"Status of"}},
		"several charts":      {example, indexOf(t, "a 1.0.0", "b 1.0.0"), []string{"helm install a ", "helm install b "}, nil},
		"digests and dates":   {example, indexOf(t, "op 1.0.0"), []string{digest(0), `datetime="2026-03-04T05:06:07Z">2026-03-04<`, "v1.0.0", `href="op-1.0.0.tgz"`}, nil},
		"the latest is named": {example, indexOf(t, "op 1.0.0", "op 0.9.0"), []string{`1.0.0 <span class="tag good">latest`}, []string{`0.9.0 <span`}},
		"other files": {example, withFiles, []string{
			`<a href="op-1.0.0.files/btcnet.yaml">btcnet.yaml</a>`, `<a href="op-1.0.0.files/z.tar.gz">`, digest(20), digest(21), "<code>kubectl btcnet</code>",
			"<code>kubectl krew install --manifest-url=https://example.github.io/bitcoin-controller-helm/op-1.0.0.files/btcnet.yaml</code>",
		}, nil},
		"other files without an address": {Repository{Name: "r"}, withFiles, []string{"--manifest-url=ADDRESS/op-1.0.0.files/btcnet.yaml<", "the address of this page"}, nil},
		"files that are no plugin":       {example, listFiles(t, indexOf(t, "op 1.0.0"), "op", "1.0.0", index.File{Name: "z.tar.gz", Digest: digest(21)}), []string{"op-1.0.0.files/z.tar.gz"}, []string{"krew"}},
		"files of an earlier release":    {example, listFiles(t, indexOf(t, "op 1.0.0", "op 1.1.0"), "op", "1.0.0", index.File{Name: "z.tar.gz", Digest: digest(21)}), nil, []string{"z.tar.gz", "Other files"}},
		"no files":                       {example, indexOf(t, "op 1.0.0"), nil, []string{"Other files", "krew"}},
	} {
		page := string(landing(t, c.repo, c.text))
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in\n%s", name, want, page)
			}
		}
		for _, not := range c.not {
			if strings.Contains(page, not) {
				t.Errorf("%s: there is %q", name, not)
			}
		}
	}
}

// Two publishers must render the same page, in whatever order the index has its charts and versions.
func TestAPageDoesNotDependOnTheOrderOfTheIndex(t *testing.T) {
	random := testseed.New(t)
	entries, err := index.List(indexOf(t, "a 1.0.0", "b 1.0.0", "b 2.0.0", "b 2.1.0-rc.1", "b 10.0.0", "c 0.1.0"))
	if err != nil {
		t.Fatal(err)
	}
	first := landing(t, example, inOrder(t, entries))
	if !seal.Intact(first) {
		t.Error("the page has no valid seal")
	}
	for range 20 {
		random.Shuffle(len(entries), func(i, k int) { entries[i], entries[k] = entries[k], entries[i] })
		if diff := cmp.Diff(string(first), string(landing(t, example, inOrder(t, entries)))); diff != "" {
			t.Fatal(diff)
		}
	}
	if _, err := example.Render([]byte("entries: [\n")); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("of a damaged index: %v", err)
	}
}

// inOrder writes an index with charts and versions in the given order.
func inOrder(t *testing.T, entries []index.Entry) []byte {
	t.Helper()
	var names []string
	charts := map[string][]string{}
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if charts[e.Name] == nil {
			names = append(names, e.Name)
		}
		charts[e.Name] = append(charts[e.Name], string(text))
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%q:[%s]", name, strings.Join(charts[name], ","))
	}
	return []byte(`{"apiVersion":"v1","entries":{` + strings.Join(names, ",") + "}}")
}

func TestAPageOfManyVersionsIsShortAndHasTheLastRelease(t *testing.T) {
	versions := []string{"op 1.0.0"}
	for i := range 400 {
		versions = append(versions, fmt.Sprintf("op 1.0.1-dev.%d.gabc", i))
	}
	text := indexOf(t, versions...)
	page := landing(t, example, text)
	if len(page) > 40_000 || !bytes.Contains(page, []byte(`>1.0.0 <span class="tag good">latest`)) || !bytes.Contains(page, []byte("370 more versions in")) {
		t.Errorf("%d bytes:\n%s", len(page), page)
	}
	var charts []string
	for i := range maxCharts + 5 {
		charts = append(charts, fmt.Sprintf("op%04d 1.0.0", i), fmt.Sprintf("op%04d 2.0.0", i))
	}
	page = landing(t, example, indexOf(t, charts...))
	if len(page) > 250_000 || !bytes.Contains(page, []byte("5 more charts in")) || !bytes.Contains(page, []byte("op0099")) || bytes.Contains(page, []byte("op0100")) {
		t.Errorf("%d bytes", len(page))
	}
}

// The index is a file that other authors write too.
func TestHostileValuesAreText(t *testing.T) {
	huge := strings.Repeat("huge ", 100_000)
	for name, change := range map[string]func(*index.Entry){
		"markup in the description": func(e *index.Entry) { e.Description = `</p><script>alert(1)</script><img src=x onerror=alert(1)>` },
		"a comment's end":           func(e *index.Entry) { e.Description = `--> <!-- ` },
		"markup in the app version": func(e *index.Entry) { e.AppVersion = `"><script>alert(1)</script>` },
		"a script as address":       func(e *index.Entry) { e.URLs = []string{"javascript:alert(1)"} },
		"a script with a blank":     func(e *index.Entry) { e.URLs = []string{" JavaScript:alert(1)"} },
		"a script with a tab":       func(e *index.Entry) { e.URLs = []string{"java\tscript:alert(1)"} },
		"data as address":           func(e *index.Entry) { e.URLs = []string{"data:text/html,<script>alert(1)</script>"} },
		"a password in an address":  func(e *index.Entry) { e.URLs = []string{"https://user:secret@example.com/a.tgz"} },
		"a script as home": func(e *index.Entry) {
			e.Home, e.Sources = "javascript:alert(1)", []string{"vbscript:x", "file:///etc/passwd"}
		},
		"quotes in an address": func(e *index.Entry) { e.URLs = []string{`a.tgz" onclick="alert(1)`} },
		"a huge description":   func(e *index.Entry) { e.Description, e.AppVersion, e.KubeVersion = huge, huge, huge },
		"a huge address": func(e *index.Entry) {
			e.URLs, e.Home = []string{"https://example.com/" + huge}, "https://example.com/"+huge
		},
		"letters that are not seen":  func(e *index.Entry) { e.Description = "a\u202egnp.exe\u2066\u200b\u0000\u001b[31m" },
		"a time before all times":    func(e *index.Entry) { e.Created = time.Time{} },
		"a time after all times":     func(e *index.Entry) { e.Created = time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a template in the template": func(e *index.Entry) { e.Description = "{{.Policy}}" },
	} {
		e := index.Entry{Metadata: &chart.Metadata{APIVersion: "v2", Name: "op", Version: "1.0.0"}, URLs: []string{"op-1.0.0.tgz"}, Created: morning, Digest: digest(0)}
		change(&e)
		text, _, err := index.Add(nil, e)
		if err != nil {
			continue // Add rejects it
		}
		page := landing(t, example, text)
		harmless(t, name, page)
		if len(page) > 20_000 || bytes.ContainsAny(page, "\u202e\u2066\u200b\x00\x1b") || bytes.Contains(page, []byte("secret")) || bytes.Contains(page, []byte("ZgotmplZ")) {
			t.Errorf("%s: %d bytes\n%.8000s", name, len(page), page)
		}
		if !bytes.Contains(page, []byte(digest(0))) {
			t.Errorf("%s: the version is missing", name)
		}
	}
}

// An index of other authors may have names of charts that a shell would interpret.
func TestOnlyPlainWordsBecomeCommands(t *testing.T) {
	const text = `{"apiVersion":"v1","entries":{"a; rm -rf ~":[{"name":"a; rm -rf ~","version":"1.0.0","urls":["a.tgz"]}],"$(x)":[{"name":"$(x)","version":"1.0.0","urls":["a.tgz"]}]}}`
	page := landing(t, example, []byte(text))
	if bytes.Contains(page, []byte("helm install")) || !bytes.Contains(page, []byte("a; rm -rf ~")) {
		t.Errorf("%s", page)
	}
	for _, address := range []string{"https://example.com/$(x)", "https://example.com/;x", "javascript:x", "https://user:secret@example.com", "-x"} {
		page := landing(t, Repository{Name: "r", Address: address}, indexOf(t, "op 1.0.0"))
		if !bytes.Contains(page, []byte("helm repo add r ADDRESS\n")) || bytes.Contains(page, []byte("secret")) {
			t.Errorf("%s stands in a command", address)
		}
	}
	if page := landing(t, Repository{Name: "-x y"}, indexOf(t, "op 1.0.0")); bytes.Contains(page, []byte("helm repo")) || bytes.Contains(page, []byte("helm install")) {
		t.Errorf("the repository's name stands in a command")
	}
}

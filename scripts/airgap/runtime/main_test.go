package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestPermit(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"the withheld capability leaves every set, the others stay in order": {
			in:   `{"process":{"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE","CAP_KILL"],"effective":["CAP_SYS_RESOURCE"]}}}`,
			want: `{"process":{"capabilities":{"bounding":["CAP_CHOWN","CAP_KILL"],"effective":[]}}}`,
		},
		"a process alone, as exec gets it, is treated alike": {
			in:   `{"args":["sh"],"capabilities":{"permitted":["CAP_SYS_RESOURCE"]},"oomScoreAdj":-999}`,
			want: `{"args":["sh"],"capabilities":{"permitted":[]},"oomScoreAdj":0}`,
		},
		"a positive oom score stays": {
			in:   `{"process":{"oomScoreAdj":300}}`,
			want: `{"process":{"oomScoreAdj":300}}`,
		},
		"numbers of 64 bits keep their value": {
			in:   `{"process":{"oomScoreAdj":-1},"linux":{"resources":{"memory":{"limit":9223372036854775807}}}}`,
			want: `{"linux":{"resources":{"memory":{"limit":9223372036854775807}}},"process":{"oomScoreAdj":0}}`,
		},
		"nothing to do leaves every byte": {
			in:   `{ "process": {"capabilities": {"bounding": ["CAP_CHOWN"]}} }`,
			want: `{ "process": {"capabilities": {"bounding": ["CAP_CHOWN"]}} }`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := permit([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestSpecFile(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"create names the bundle":                  {[]string{"--root", "/run/x", "create", "--bundle", "/b", "--pid-file", "p", "id"}, "/b/config.json"},
		"create with an equals sign":               {[]string{"create", "--bundle=/b", "id"}, "/b/config.json"},
		"create without a bundle is here":          {[]string{"create", "id"}, "config.json"},
		"exec names the process":                   {[]string{"--log", "l", "exec", "--process", "/tmp/p", "id"}, "/tmp/p"},
		"exec with arguments has no file":          {[]string{"exec", "id", "sh"}, ""},
		"a command that starts nothing is let by":  {[]string{"--root", "/run/x", "delete", "--force", "id"}, ""},
		"a question for the version is let by too": {[]string{"--version"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := specFile(test.args); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRewriteFailsWithoutASpecification(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(`[1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(file); err == nil {
		t.Error("a broken file was accepted")
	}
	if err := rewrite(file + ".absent"); err == nil {
		t.Error("a missing file was accepted")
	}
}

func FuzzPermit(f *testing.F) {
	f.Add([]byte(`{"process":{"capabilities":{"bounding":["CAP_SYS_RESOURCE"]},"oomScoreAdj":-5}}`))
	f.Add([]byte(`{"process":null,"capabilities":[]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		once, err := permit(doc)
		if err != nil {
			return
		}
		if !json.Valid(once) && json.Valid(doc) {
			t.Fatalf("valid input %q became invalid %q", doc, once)
		}
		twice, err := permit(once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("a second pass changed %q to %q (%v)", once, twice, err)
		}
	})
}

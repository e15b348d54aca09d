package main

import (
	"strings"
	"testing"
)

const (
	config = `{"config": {"protocol_version": "v1.0.0", "scanner_name": "govulncheck", "go_version": "go1.26.1"}}` + "\n"
	osv    = `{"osv": {"id": "GO-1", "summary": "A header is trusted"}}` + "\n"
)

// finding is the vulnerability in a function, or in a module of which no function is used.
func finding(id, module, function, fixed string) string {
	return `{"finding": {"osv": "` + id + `", "fixed_version": "` + fixed + `", "trace": [{"module": "` + module + `", "version": "v1.0.0", "package": "p", "function": "` + function + `"}]}}` + "\n"
}

func TestOnlyUsedCodeOfModulesFails(t *testing.T) {
	for name, test := range map[string]struct {
		in, out   string
		found     bool
		explained []string
	}{
		"nothing":                    {config, "no known vulnerability\n", false, nil},
		"a function that is used":    {config + osv + finding("GO-1", "example.com/a", "F", "v1.0.1"), "GO-1: A header is trusted\n    example.com/a@v1.0.0, p.F, fixed in v1.0.1\n", true, nil},
		"a module without a use":     {config + osv + finding("GO-1", "example.com/a", "", "v1.0.1"), "no known vulnerability\n", false, nil},
		"Go's own library":           {config + finding("GO-1", "stdlib", "F", "v1.26.9") + finding("GO-2", "stdlib", "G", "v1.26.10"), "2 vulnerabilities of the library of Go (go1.26.1); the fixes are in Go v1.26.10\n", false, nil},
		"a binary":                   {`{"config": {}} {"SBOM": {"go_version": "go1.26.8"}}` + finding("GO-1", "stdlib", "F", "v1.26.9"), "(go1.26.8)", false, nil},
		"one that is explained":      {config + osv + finding("GO-1", "example.com/a", "F", "v1.0.1"), "GO-1 is explained: A header is trusted\n", false, []string{"GO-1"}},
		"another one than that":      {config + osv + finding("GO-1", "example.com/a", "F", "v1.0.1"), "p.F, fixed in v1.0.1\n", true, []string{"GO-2"}},
		"the same twice counts once": {config + finding("GO-1", "stdlib", "F", "v1.26.2") + finding("GO-1", "stdlib", "G", "v1.26.2"), "1 vulnerabilities of", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			found, err := run(strings.NewReader(test.in), &out, test.explained)
			if err != nil || found != test.found || !strings.Contains(out.String(), test.out) {
				t.Errorf("found %v, %v:\n%s", found, err, out.String())
			}
		})
	}
}

func TestOtherOutputIsAnError(t *testing.T) {
	for name, in := range map[string]string{"nothing": "", "text": "No vulnerabilities found.", "half of it": config + osv[:20]} {
		if _, err := run(strings.NewReader(in), new(strings.Builder), nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

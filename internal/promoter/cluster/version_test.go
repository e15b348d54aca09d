package cluster

import (
	"regexp"
	"testing"
)

func TestTheVersionOfKubernetesIsThatOfTheNodeImage(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"kindest/node:v1.31.2@sha256:0123": "1.31.2", "localhost:5000/kindest/node:v1.30": "1.30", "node:1.29.0-custom": "1.29.0",
		"localhost:5000/own/node": "", "own:latest": "", "": "", "node@sha256:1.2": "",
	} {
		got := ImageVersion(image)
		if want == "" && !regexp.MustCompile(`^1\.[0-9]{2}\.[0-9]+$`).MatchString(got) || want != "" && got != want {
			t.Errorf("%q: %q, want %q", image, got, want)
		}
	}
	if got := ImageVersion(""); got == "1.20.0" {
		t.Errorf("the default is %s", got)
	}
}

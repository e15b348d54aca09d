package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestResultIsReadByBash(t *testing.T) {
	const in = `{"version": {"chartVersion": "1.2.0"}, "build": {"repository": "localhost:5000/a", "tag": "v1.2.0", "digest": "sha256:ab",
		"images": [{"name": "a", "repository": "localhost:5000/a", "tag": "v1.2.0", "digest": "sha256:ab"}, {"name": "b", "repository": "localhost:5000/a/b", "tag": "v1.2.0", "digest": "sha256:cd"}]},
		"promoted": [{"stage": "prod", "version": "1.2.0"}], "skipped": ["qa verify: it's $(done) \"already\""]}`
	var out strings.Builder
	if err := run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	script := out.String() + `printf '%s|' "$version" "$image" "$digest" "${images[@]}" "${published[@]}" "${skipped[@]}"`
	got, err := exec.Command("bash", "-c", script).Output() //nolint:gosec // what is under test
	if err != nil {
		t.Fatal(err)
	}
	if want := `1.2.0|localhost:5000/a:v1.2.0@sha256:ab|sha256:ab|localhost:5000/a:v1.2.0@sha256:ab|localhost:5000/a/b:v1.2.0@sha256:cd|prod 1.2.0|qa verify: it's $(done) "already"|`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestResultWithoutAnImageIsAnError(t *testing.T) {
	for name, in := range map[string]string{"nothing": "", "text": "version: 1.2.0", "no image": `{"version": {"chartVersion": "1.2.0"}, "promoted": []}`} {
		if err := run(strings.NewReader(in), new(strings.Builder)); err == nil {
			t.Errorf("%s is accepted as a result", name)
		}
	}
}

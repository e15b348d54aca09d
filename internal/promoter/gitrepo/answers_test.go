package gitrepo

import (
	"errors"
	"testing"
)

func TestAnAnswerIsKeptAndAnErrorIsNot(t *testing.T) {
	url := remoteWith(t, map[string]string{"a": "1\n"})
	r := clone(t, url, CloneOptions{Options: Options{Answers: &Answers{}}})
	if _, err := r.Resolve(t.Context(), "refs/tags/v1"); !errors.Is(err, ErrNoRef) {
		t.Fatal(err)
	}
	if err := r.Tag(t.Context(), "v1", "v1", Author{}); err != nil {
		t.Fatal(err)
	}
	first, err := r.Resolve(t.Context(), "refs/tags/v1")
	if err != nil {
		t.Fatalf("a tag that did not exist is not found later: %v", err)
	}
	r.must(t, "commit", "-q", "--allow-empty", "-m", "second")
	r.must(t, "tag", "-f", "v1")
	if again, err := r.Resolve(t.Context(), "refs/tags/v1"); again != first || err != nil {
		t.Errorf("%s, then %s, %v: the answer is not kept", first, again, err)
	}
	other := &Repo{Dir: r.Dir}
	if now, err := other.Resolve(t.Context(), "refs/tags/v1"); now == first || err != nil {
		t.Errorf("without kept answers the tag is still %s, %v", now, err)
	}
}

func TestWhatChangesARepositoryIsNeverAnsweredFromMemory(t *testing.T) {
	r := clone(t, remoteWith(t, map[string]string{"a": "1\n"}), CloneOptions{Options: Options{Answers: &Answers{}}})
	for _, tag := range []string{"v1", "v2"} {
		if err := r.Tag(t.Context(), tag, "same message", Author{}); err != nil {
			t.Fatal(err)
		}
		if err := r.DeleteTag(t.Context(), tag); err != nil {
			t.Fatal(err)
		}
		if err := r.Tag(t.Context(), tag, "same message", Author{}); err != nil {
			t.Fatalf("%s after it was deleted: %v", tag, err)
		}
		if tags := r.must(t, "tag", "--list", tag); tags == "" {
			t.Errorf("%s was not created again", tag)
		}
	}
}

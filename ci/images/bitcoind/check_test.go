package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTheCheckFindsPinsThatAreToBeRenewed(t *testing.T) {
	const platform = "linux/amd64"
	pinnedAt := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	content := debOf(t, "libx", nil)
	p := pinOf("libx", content, nil)
	newer := p
	newer.Version = "1.1"
	onMirror, inArchive := "/mirror/"+p.Path, "/file/"+p.SHA1
	for name, c := range map[string]struct {
		place   string // what has a file
		content []byte
		index   []pin
		age     time.Duration
		err     error
		line    string
	}{
		"all is as it was":               {onMirror, content, []pin{p}, 100 * 24 * time.Hour, nil, "0 pinned packages are gone, 0 have other versions"},
		"in the archive alone":           {inArchive, content, []pin{p}, 0, nil, "0 pinned packages are gone"},
		"in no place":                    {"/other", content, []pin{p}, 0, errGone, platform + ": libx 1.0 is in no place any more"},
		"a file of another size":         {onMirror, content[1:], []pin{p}, 0, errGone, "libx 1.0 is in no place any more"},
		"a newer package":                {onMirror, content, []pin{newer}, renewAfter, nil, platform + ": libx 1.0: now 1.1"},
		"a newer package for long":       {onMirror, content, []pin{newer}, renewAfter + time.Hour, errOld, "which is 30 days younger than the pins"},
		"another package in its place":   {onMirror, content, []pin{{Package: "liby"}}, renewAfter + time.Hour, errOld, "libx 1.0: no longer needed"},
		"gone, and a newer one for long": {"/other", content, []pin{newer}, 2 * renewAfter, errGone, "1 pinned packages are gone, 1 have other versions"},
	} {
		t.Run(name, func(t *testing.T) {
			get := serve(t, map[string][]byte{c.place: c.content}).fetcher(t)
			var log strings.Builder
			get.log = &log
			current := func(context.Context, string) (time.Time, []pin, error) { return pinnedAt.Add(c.age), c.index, nil }
			err := (&pins{Index: pinnedAt, Platforms: map[string][]pin{platform: {p}}}).check(t.Context(), get, current)
			if (err != nil) != (c.err != nil) || !errors.Is(err, c.err) || !strings.Contains(log.String(), c.line) {
				t.Errorf("%v, want %v; printed\n%swant %q", err, c.err, log.String(), c.line)
			}
		})
	}
}

// A package is not gone because of a server that does not answer.
func TestTheCheckFailsWhereAServerDoesNotAnswer(t *testing.T) {
	content := debOf(t, "libx", nil)
	p := pinOf("libx", content, nil)
	s := serve(t, map[string][]byte{"/file/" + p.SHA1: content})
	for busy, want := range map[int]error{2: nil, 100: errBusy} {
		s.busy = len(s.noted()) + busy
		get := s.fetcher(t)
		get.mirrors = nil
		if exists, err := get.has(t.Context(), p); !errors.Is(err, want) || exists != (want == nil) {
			t.Errorf("busy %d times: %v, %v, want %v", busy, exists, err, want)
		}
	}
	get := s.fetcher(t)
	get.mirrors, get.snapshot = []string{"http://127.0.0.1:1"}, ""
	if _, err := get.has(t.Context(), p); !errors.Is(err, errBusy) || !strings.Contains(err.Error(), "127.0.0.1:1/pool/libx_1.0.deb: ") {
		t.Errorf("without a server: %v", err)
	}
	if _, err := (&fetcher{}).has(t.Context(), p); !errors.Is(err, errNoMirror) {
		t.Errorf("without a place: %v", err)
	}
}

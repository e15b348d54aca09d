package state

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// reader applies what it gets, as the page does.
type reader struct {
	t       *testing.T
	store   *Store
	cursor  string
	values  map[string]string
	moments []string
}

func newReader(t *testing.T, s *Store) *reader {
	return &reader{t: t, store: s, values: map[string]string{}}
}

func (r *reader) read() Delta {
	delta, cursor, _ := r.store.Since(r.cursor)
	if delta.Snapshot {
		clear(r.values)
	}
	for _, key := range delta.Gone {
		if _, known := r.values[key]; !known && !delta.Snapshot {
			r.t.Logf("%s is gone before it was known", key)
		}
		delete(r.values, key)
	}
	for key, value := range delta.Set {
		r.values[key] = string(value)
	}
	for _, moment := range delta.Moments {
		r.moments = append(r.moments, string(moment))
	}
	r.cursor = cursor
	return delta
}

func (r *reader) has(want map[string]string) {
	r.t.Helper()
	if !maps.Equal(r.values, want) {
		r.t.Errorf("the reader has %v, want %v", r.values, want)
	}
}

func TestAReaderGetsASnapshotAndThenDifferences(t *testing.T) {
	s := New()
	s.Set("a", 1)
	s.Set("b", 2)
	r := newReader(t, s)
	if d := r.read(); !d.Snapshot || len(d.Set) != 2 {
		t.Errorf("first %+v", d)
	}
	if d := r.read(); !d.Empty() {
		t.Errorf("without a change %+v", d)
	}
	s.Set("a", 1)
	if d := r.read(); !d.Empty() {
		t.Errorf("after the same value %+v", d)
	}
	s.Replace("", map[string]any{"a": 3, "c": 4})
	if d := r.read(); d.Snapshot || len(d.Set) != 2 || !slices.Equal(d.Gone, []string{"b"}) {
		t.Errorf("after a change %+v", d)
	}
	r.has(map[string]string{"a": "3", "c": "4"})
	s.Delete("c")
	s.Set("c", 5) // again, before it was read
	if d := r.read(); len(d.Gone) != 0 {
		t.Errorf("a value that exists is gone: %+v", d)
	}
	r.has(map[string]string{"a": "3", "c": "5"})
	s.Replace("a/", map[string]any{})
	r.read()
	r.has(map[string]string{"a": "3", "c": "5"})
}

func TestChangesWakeReaders(t *testing.T) {
	s := New()
	_, cursor, changed := s.Since("")
	s.Delete("none")
	select {
	case <-changed:
		t.Error("no change wakes")
	default:
	}
	s.Moment("x")
	<-changed
	delta, _, _ := s.Since(cursor)
	if len(delta.Moments) != 1 || string(delta.Moments[0]) != `"x"` {
		t.Errorf("%+v", delta)
	}
	if delta, _, _ = s.Since(""); len(delta.Moments) != 0 {
		t.Errorf("a new reader gets what happened before: %+v", delta)
	}
}

func TestAnUnknownCursorGetsEverything(t *testing.T) {
	s, other := New(), New()
	s.Set("a", 1)
	_, cursor, _ := other.Since("")
	_, own, _ := s.Since("")
	for _, c := range []string{"", "x", cursor, own + "9", own + "x", own[:len(own)-1] + "-1"} {
		if delta, _, _ := s.Since(c); !delta.Snapshot || len(delta.Set) != 1 {
			t.Errorf("%q: %+v", c, delta)
		}
	}
}

// A reader that does not read costs nothing, and has the right values when it reads again.
func TestASlowReaderIsBoundedAndCatchesUp(t *testing.T) {
	s := New()
	slow, quick := newReader(t, s), newReader(t, s)
	slow.read()
	for i := range 3 * maxGone {
		key := fmt.Sprint("k", i)
		s.Set(key, i)
		s.Set("counter", i)
		s.Moment(i)
		if i%100 == 0 {
			quick.read()
		}
		s.Delete(key)
	}
	s.Set("k", true)
	if len(s.gone) > 2*maxGone || len(s.moments) > 2*maxMoments {
		t.Errorf("%d deleted keys and %d moments are kept", len(s.gone), len(s.moments))
	}
	if d := slow.read(); !d.Snapshot {
		t.Error("the slow reader does not get everything")
	}
	quick.read()
	want := map[string]string{"counter": fmt.Sprint(3*maxGone - 1), "k": "true"}
	slow.has(want)
	quick.has(want)
	if n := len(quick.moments); n < 3*maxGone-200 {
		t.Errorf("the quick reader has %d moments", n)
	}
	var latest int
	if err := json.Unmarshal([]byte(quick.moments[len(quick.moments)-1]), &latest); err != nil || latest != 3*maxGone-1 {
		t.Errorf("the last moment is %d (%v)", latest, err)
	}
}

// A reader that is slow keeps one piece, however large everything is.
func TestALargeStateComesInPieces(t *testing.T) {
	s := New()
	want := map[string]string{}
	for i := range 100 {
		key, text := fmt.Sprint("k", i), strings.Repeat(string(rune('a'+i%26)), maxPiece/10)
		s.Set(key, text)
		want[key] = `"` + text + `"`
	}
	s.Delete("k99")
	s.Moment("before")
	r, pieces := newReader(t, s), 0
	for more := true; more; pieces++ {
		if pieces == 3 { // what changes meanwhile comes too
			s.Set("k0", "new")
			s.Delete("k1")
			s.Delete("k98")
			s.Moment("meanwhile")
		}
		message := s.Message(r.cursor)
		if len(message.Text) > maxPiece+maxPiece/4 {
			t.Errorf("a piece has %d bytes", len(message.Text))
		}
		d := r.read()
		if more = d.More; d.Snapshot != (pieces == 0) {
			t.Errorf("piece %d is a snapshot: %v", pieces, d.Snapshot)
		}
	}
	for _, key := range []string{"k1", "k98", "k99"} {
		delete(want, key)
	}
	want["k0"] = `"new"`
	if r.has(want); pieces < 9 || pieces > 15 || !slices.Equal(r.moments, []string{`"meanwhile"`}) {
		t.Errorf("%d pieces with the moments %v", pieces, r.moments)
	}
}

func TestAMessageIsEncodedOnceForAllReaders(t *testing.T) {
	s := New()
	s.Set("a", 1)
	first, unknown := s.Message(""), s.Message("another session")
	if string(first.Text) != `{"snapshot":true,"set":{"a":1}}` || &first.Text[0] != &unknown.Text[0] {
		t.Errorf("%s and %s", first.Text, unknown.Text)
	}
	if again := s.Message(first.Next); len(again.Text) > 0 || again.Next != first.Next {
		t.Errorf("a reader that knows everything gets %s", again.Text)
	}
	s.Set("b", 2)
	<-first.Changed
	one, two := s.Message(first.Next), s.Message(first.Next)
	if string(one.Text) != `{"set":{"b":2}}` || &one.Text[0] != &two.Text[0] {
		t.Errorf("%s and %s", one.Text, two.Text)
	}
	for i := range 10 * maxEncoded {
		s.Moment(i)
		s.Message(one.Next)
		s.Message(fmt.Sprint(i))
	}
	if len(s.encoded) > maxEncoded {
		t.Errorf("%d messages are kept", len(s.encoded))
	}
}

// A reader sends what cursor he likes.
func TestTheMessagesThatAreKeptAreInTheSize(t *testing.T) {
	s := New()
	for i := range 8 {
		s.Set(fmt.Sprint("k", i), strings.Repeat("x", maxPiece/2))
	}
	values, cursors := s.bytes, map[string]bool{}
	for known := range s.version {
		for others := known; others <= s.version; others++ {
			for _, zeros := range []string{"", "0", "000"} {
				cursors[fmt.Sprintf("%s-%s%d-%d", s.session, zeros, known, others)] = true
			}
		}
	}
	for cursor := range cursors {
		s.Message(cursor)
		kept := 0
		for _, message := range s.encoded {
			kept += len(message.Text)
		}
		if values+kept > s.Bytes() || kept > maxEncodedBytes {
			t.Fatalf("%d bytes of values and %d of messages are kept, counted as %d", values, kept, s.Bytes())
		}
	}
	first, _, _ := strings.Cut(s.Message("").Next, "-")
	if one, two := s.Message(first+"-3-8"), s.Message(first+"-003-8"); &one.Text[0] != &two.Text[0] {
		t.Error("the same position with other digits is encoded again")
	}
	small := New()
	small.Set("a", 1)
	small.Moment(strings.Repeat("x", maxPiece))
	if small.Message(small.session + "-1-1"); small.encodedBytes > small.bytes {
		t.Errorf("%d bytes of messages are kept for %d of values", small.encodedBytes, small.bytes)
	}
}

func TestDeletedKeysAreBoundedAndInTheSize(t *testing.T) {
	s := New()
	slow, quick := newReader(t, s), newReader(t, s)
	slow.read()
	for i := range maxGone {
		key := fmt.Sprintf("%0300d", i)
		s.Set(key, i)
		s.Delete(key)
		if i%100 == 0 {
			quick.read()
		}
		kept := 0
		for _, gone := range s.gone {
			kept += sizeOfGone(gone.value)
		}
		if kept != s.goneBytes || kept > 2*maxGoneBytes || s.Bytes() < kept {
			t.Fatalf("%d bytes of deleted keys are kept, counted as %d of %d", kept, s.goneBytes, s.Bytes())
		}
	}
	if d := slow.read(); !d.Snapshot {
		t.Error("the slow reader does not get everything")
	}
	if d := quick.read(); d.Snapshot || len(d.Gone) == 0 {
		t.Error("the quick reader gets everything")
	}
}

func TestTheSizeIsThatOfTheValues(t *testing.T) {
	s := New()
	s.Set("a", "12345")
	s.Set("b", "1")
	s.Set("a", "1234567")
	if got, want := s.Bytes(), 2*(2*overhead+2+9+3); got != want {
		t.Errorf("%d bytes with those of messages, want %d", got, want)
	}
	s.Delete("a", "a")
	s.Replace("", nil)
	if got, want := s.Bytes(), 2*2*(goneOverhead+1); got != want {
		t.Errorf("without a value there are %d bytes, want those of two deleted keys and of messages with them, %d", got, want)
	}
}

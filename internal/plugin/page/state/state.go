// Package state keeps what the page shows as values by key, and hands out what has changed since a version. It is independent of what the
// values mean. Its memory is bounded by the values: a reader that is slow misses intermediate values and never holds up another one.
package state

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

const (
	// maxGone are the deleted keys that a reader gets one by one, and maxGoneBytes their bytes. A reader that has missed more gets everything
	// again.
	maxGone      = 4096
	maxGoneBytes = maxPiece
	// maxMoments are the moments that a reader gets after a pause.
	maxMoments = 512
)

// Store has the values.
type Store struct {
	// session distinguishes the versions of this store from those of another process.
	session string

	mu      sync.Mutex
	version uint64
	items   map[string]item
	gone    []numbered[string]
	// forgotten is the version up to which deleted keys are not known any more.
	forgotten uint64
	moments   []numbered[json.RawMessage]
	changed   chan struct{}
	// bytes is the size of the values with their keys, and goneBytes that of the deleted keys.
	bytes, goneBytes int
	// encoded are the messages of this version, by what their readers know, and encodedBytes those of their texts.
	encoded      map[position]Message
	encodedBytes int
}

type item struct {
	version uint64
	value   json.RawMessage
}

type numbered[T any] struct {
	version uint64
	value   T
}

// New returns an empty store.
func New() *Store {
	return &Store{session: rand.Text(), items: map[string]item{}, changed: make(chan struct{}), encoded: map[position]Message{}}
}

// Set sets a value. One that is equal to the current one changes nothing.
func (s *Store) Set(key string, value any) {
	s.change(func() { s.set(key, encode(value)) })
}

// Delete deletes keys.
func (s *Store) Delete(keys ...string) {
	s.change(func() {
		for _, key := range keys {
			s.delete(key)
		}
	})
}

// Replace sets all values whose keys begin with a prefix in one change; such keys that are not among them are deleted.
func (s *Store) Replace(prefix string, values map[string]any) {
	s.change(func() {
		for key := range s.items {
			if _, kept := values[key]; strings.HasPrefix(key, prefix) && !kept {
				s.delete(key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			s.set(key, encode(values[key]))
		}
	})
}

// Moment sends readers something that has happened.
func (s *Store) Moment(value any) {
	s.change(func() {
		s.version++
		if s.moments = append(s.moments, numbered[json.RawMessage]{s.version, encode(value)}); len(s.moments) > 2*maxMoments {
			s.moments = last(s.moments, maxMoments)
		}
	})
}

// change wakes the readers when the version has changed.
func (s *Store) change(apply func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.version
	if apply(); s.version != before {
		close(s.changed)
		s.changed = make(chan struct{})
		s.forget()
	}
}

func (s *Store) set(key string, value json.RawMessage) {
	old, exists := s.items[key]
	if exists && bytes.Equal(old.value, value) {
		return
	}
	if exists {
		s.bytes -= sizeOf(key, old.value)
	}
	s.bytes += sizeOf(key, value)
	s.version++
	s.items[key] = item{s.version, value}
}

func (s *Store) delete(key string) {
	old, exists := s.items[key]
	if !exists {
		return
	}
	s.bytes -= sizeOf(key, old.value)
	delete(s.items, key)
	s.version++
	s.gone = append(s.gone, numbered[string]{s.version, key})
	s.goneBytes += sizeOfGone(key)
	if len(s.gone) > 2*maxGone || s.goneBytes > 2*maxGoneBytes {
		kept := len(s.gone) / 2
		s.forgotten = s.gone[len(s.gone)-kept-1].version
		s.gone = last(s.gone, kept)
		s.goneBytes = 0
		for _, gone := range s.gone {
			s.goneBytes += sizeOfGone(gone.value)
		}
	}
}

// last keeps the last elements, in an array of their own so that the others are freed.
func last[T any](list []T, n int) []T { return slices.Clone(list[len(list)-n:]) }

// Bytes is the size of all values with their keys, of the keys that readers are to forget, and of the messages that may be kept for readers,
// whether or not there are any: how much a store needs does not depend on what readers do.
func (s *Store) Bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes + s.goneBytes + s.encodedLimit()
}

// overhead is about what the store itself needs for a value, and goneOverhead for a deleted key.
const overhead, goneOverhead = 128, 32

func sizeOf(key string, value json.RawMessage) int { return overhead + len(key) + len(value) }

func sizeOfGone(key string) int { return goneOverhead + len(key) }

func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the values are structs of text and numbers
	}
	return text
}

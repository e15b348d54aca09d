package state

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxPiece is how many bytes of values one delta has. A reader that is slow keeps no more than one delta.
	maxPiece = 256 << 10
	// maxEncoded are the messages that are kept for other readers until the next change, and maxEncodedBytes those of their texts: the pieces
	// that readers of everything get at about the same time.
	maxEncoded      = 32
	maxEncodedBytes = 4 * maxPiece
)

// Delta is what a reader does not know yet.
type Delta struct {
	// Snapshot means that keys which are not in Set do not exist.
	Snapshot bool                       `json:"snapshot,omitempty"`
	Set      map[string]json.RawMessage `json:"set,omitempty"`
	Gone     []string                   `json:"gone,omitempty"`
	// Moments have happened, and are not kept.
	Moments []json.RawMessage `json:"moments,omitempty"`
	// More means that other values come with the next cursor, without which these are incomplete.
	More bool `json:"more,omitempty"`
}

// Empty reports whether the reader knows everything.
func (d Delta) Empty() bool {
	return !d.Snapshot && len(d.Set) == 0 && len(d.Gone) == 0 && len(d.Moments) == 0
}

// Message is a delta as JSON, whose text all readers share; it is empty for a reader that knows everything.
type Message struct {
	Text    []byte
	Next    string
	More    bool
	Changed <-chan struct{}
}

// position is what a reader knows: values up to one version, and deletions and moments up to another one.
type position struct{ values, others uint64 }

// unknown is what a reader knows whose cursor is not known. No position has more values than others.
var unknown = position{values: 1}

// Since returns what has changed since a cursor, the next cursor, and a channel that is closed at the next change. A cursor that is not known,
// such as an empty one or that of an earlier process, gets a snapshot.
func (s *Store) Since(cursor string) (Delta, string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.parse(cursor)
	delta, next := s.since(known, ok)
	return delta, next, s.changed
}

// Message is Since as JSON, which is encoded once for all readers that know the same.
func (s *Store) Message(cursor string) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Not by the text of a cursor, which a reader sends as he likes. All whose cursor is not known get the same.
	known, ok := s.parse(cursor)
	if !ok {
		known = unknown
	}
	if message, exists := s.encoded[known]; exists {
		return message
	}
	delta, next := s.since(known, ok)
	message := Message{Next: next, More: delta.More, Changed: s.changed}
	if !delta.Empty() {
		message.Text = encode(delta)
	}
	s.keep(known, message)
	return message
}

// keep keeps a message for other readers who know the same, in the memory that Bytes counts for that.
func (s *Store) keep(known position, message Message) {
	limit := s.encodedLimit()
	if len(s.encoded) >= maxEncoded || s.encodedBytes+len(message.Text) > limit {
		s.forget()
	}
	if len(message.Text) <= limit {
		s.encoded[known] = message
		s.encodedBytes += len(message.Text)
	}
}

// forget drops the messages that are kept.
func (s *Store) forget() {
	clear(s.encoded)
	s.encodedBytes = 0
}

// encodedLimit is how many bytes of messages are kept: no more than those of the values.
func (s *Store) encodedLimit() int { return min(maxEncodedBytes, s.bytes+s.goneBytes) }

func (s *Store) since(known position, ok bool) (Delta, string) {
	if !ok {
		known = position{0, s.version}
	}
	delta := Delta{Snapshot: !ok}
	var upTo uint64
	delta.Set, upTo = s.piece(known.values)
	delta.More = upTo < s.version
	for _, gone := range s.gone {
		if _, again := s.items[gone.value]; gone.version > known.others && !again {
			delta.Gone = append(delta.Gone, gone.value)
		}
	}
	for _, moment := range s.moments {
		if moment.version > known.others {
			delta.Moments = append(delta.Moments, moment.value)
		}
	}
	return delta, fmt.Sprintf("%s-%d-%d", s.session, upTo, s.version)
}

// piece are the oldest values above a version that one delta may have, and the version up to which they are all.
func (s *Store) piece(known uint64) (map[string]json.RawMessage, uint64) {
	type keyed struct {
		key string
		item
	}
	var list []keyed
	size := 0
	for key, item := range s.items {
		if item.version > known {
			list = append(list, keyed{key, item})
			size += sizeOf(key, item.value)
		}
	}
	set, upTo := make(map[string]json.RawMessage, len(list)), s.version
	if size > maxPiece {
		slices.SortFunc(list, func(a, b keyed) int { return cmp.Compare(a.version, b.version) })
		size = 0
		for i, k := range list {
			if size += sizeOf(k.key, k.value); i > 0 && size > maxPiece {
				list, upTo = list[:i], list[i-1].version
				break
			}
		}
	}
	for _, k := range list {
		set[k.key] = k.value
	}
	return set, upTo
}

func (s *Store) parse(cursor string) (position, bool) {
	parts := strings.Split(cursor, "-")
	if len(parts) != 3 || parts[0] != s.session {
		return position{}, false
	}
	values, err := strconv.ParseUint(parts[1], 10, 64)
	others, wrong := strconv.ParseUint(parts[2], 10, 64)
	if err != nil || wrong != nil || values > others || others > s.version || others < s.forgotten {
		return position{}, false
	}
	return position{values, others}, true
}

// Package messages reads the P2P messages of a node from its log, as bitcoind writes them with the category net. It is pure.
package messages

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Categories are those of bitcoind's log that have the messages and what is in them.
var Categories = []string{"net", "cmpctblock", "mempool"}

// Message is one that a node received.
type Message struct {
	Time  time.Time `json:"time"`
	Type  string    `json:"type"`
	Bytes int       `json:"bytes"`
	// Peer is the number of the connection in the log.
	Peer int64 `json:"-"`
	// Details are what the node reports of the content.
	Details []string `json:"details,omitempty"`
}

// maxDetails bounds those of one message: an inventory has up to 50,000 entries.
const maxDetails = 20

// The lines of all releases since 0.17: newer ones write the level into the brackets too.
var (
	received = regexp.MustCompile(`\[net(?::\w+)?\] received: (\S+) \((\d+) bytes\) peer=(\d+)\s*$`)
	sent     = regexp.MustCompile(`\[net(?::\w+)?\] sending (\S+) \((\d+) bytes\) peer=(\d+)`)
	// A new header has no category.
	detail = regexp.MustCompile(`(?:\[(?:net|cmpctblock|mempool)(?::\w+)?\] (.*)|\b(Saw new .*))$`)
	// What is in a compact block has no peer, unless its header is new.
	compact = regexp.MustCompile(`\[cmpctblock(?::\w+)?\] `)
	ofPeer  = regexp.MustCompile(`,?\s*(?:\(?from\s+)?\bpeer=(\d+)\)?:?`)
)

// Reader follows the log of one node. Messages are read by their receiver's log, which has what is in them.
type Reader struct {
	// pending is the last message, whose details may follow.
	pending *Message
}

// Read returns the message that a line of the log completes: bitcoind handles one message after the other, so that the lines up to the next
// one with its peer belong to it.
func (r *Reader) Read(at time.Time, line string) *Message {
	if match := received.FindStringSubmatch(line); match != nil {
		done := r.Flush()
		size, errSize := strconv.Atoi(match[2])
		peer, errPeer := strconv.ParseInt(match[3], 10, 64)
		if errSize == nil && errPeer == nil {
			r.pending = &Message{Time: at, Type: match[1], Bytes: size, Peer: peer}
		}
		return done
	}
	r.addDetail(line)
	return nil
}

// Flush returns the last message, to which nothing is added any more.
func (r *Reader) Flush() *Message {
	done := r.pending
	r.pending = nil
	return done
}

// Before reports whether there is a last message, from before a time.
func (r *Reader) Before(at time.Time) bool { return r.pending != nil && r.pending.Time.Before(at) }

func (r *Reader) addDetail(line string) {
	text := detail.FindStringSubmatch(line)
	if r.pending == nil || text == nil || sent.MatchString(line) {
		return
	}
	peers := ofPeer.FindAllStringSubmatch(text[1]+text[2], -1)
	isContent := len(peers) == 0 && compact.MatchString(line) && (r.pending.Type == "cmpctblock" || r.pending.Type == "blocktxn")
	if !isContent && !slices.ContainsFunc(peers, func(match []string) bool { return match[1] == strconv.FormatInt(r.pending.Peer, 10) }) {
		return
	}
	words := strings.Join(strings.Fields(ofPeer.ReplaceAllString(text[1]+text[2], "")), " ")
	words = strings.TrimPrefix(words, "got "+r.pending.Type+": ")
	words = strings.TrimPrefix(words, "received "+r.pending.Type+" ")
	switch {
	case words == "" || len(r.pending.Details) > maxDetails:
	case len(r.pending.Details) == maxDetails:
		r.pending.Details = append(r.pending.Details, "…")
	default:
		r.pending.Details = append(r.pending.Details, words)
	}
}

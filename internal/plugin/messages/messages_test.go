package messages

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The lines are those of bitcoind 29 between its lines about other things.
const log = `2026-11-29T07:00:00Z [net] received: inv (37 bytes) peer=3
2026-11-29T07:00:00Z [net] got inv: wtx 4a3f00  new peer=3
2026-11-29T07:00:00Z [net] sending getdata (37 bytes) peer=3
2026-11-29T07:00:00Z [mempool] AcceptToMemoryPool: peer=4: accepted 77
2026-11-29T07:00:00Z UpdateTip: new best=0f peer=3
2026-11-29T07:00:00Z [net] received: tx (222 bytes) peer=3
2026-11-29T07:00:01Z [mempool] AcceptToMemoryPool: peer=3: accepted 4a3f00 (wtxid=4a) (poolsz 1 txn, 1 kB)
2026-11-29T07:00:01Z [net:debug] received: cmpctblock (300 bytes) peer=3
2026-11-29T07:00:01Z [cmpctblock] Initialized PartiallyDownloadedBlock for block 5c using a cmpctblock of 300 bytes
2026-11-29T07:00:01Z Saw new cmpctblock header hash=5c peer=3
2026-11-29T07:00:01Z [net] received: headers (82 bytes) peer=4
2026-11-29T07:00:01Z Saw new header hash=6d height=5
2026-11-29T07:00:01Z [net] received: cmpctblock (237 bytes) peer=3
2026-11-29T07:00:01Z [cmpctblock] Initialized PartiallyDownloadedBlock for block 6d using a cmpctblock of size 237
2026-11-29T07:00:01Z [cmpctblock] Successfully reconstructed block 6d with 1 txn prefilled, 0 txn from mempool and 0 txn requested
2026-11-29T07:00:02Z [net] received: ping (8 bytes) peer=31
2026-11-29T07:00:02Z [cmpctblock] of another message
2026-11-29T07:00:02Z [net] received: getheaders (101 bytes) peer=3
2026-11-29T07:00:02Z [net] getheaders 5 to end from peer=3
2026-11-29T07:00:02Z [net] received: getdata (99999999999999999999 bytes) peer=3
`

func TestMessagesAreReadWithTheirContent(t *testing.T) {
	var r Reader
	var got []string
	add := func(m *Message) {
		if m != nil {
			got = append(got, fmt.Sprintf("%d %s %d %d %q", m.Time.Unix(), m.Type, m.Bytes, m.Peer, m.Details))
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(log), "\n") {
		if r.Before(time.Unix(int64(i), 0)) != (r.pending != nil) {
			t.Error("a message is not before the next line")
		}
		add(r.Read(time.Unix(int64(i), 0), line))
	}
	add(r.Flush())
	add(r.Flush())
	want := []string{
		`0 inv 37 3 ["wtx 4a3f00 new"]`,
		`5 tx 222 3 ["AcceptToMemoryPool: accepted 4a3f00 (wtxid=4a) (poolsz 1 txn, 1 kB)"]`,
		`7 cmpctblock 300 3 ["Initialized PartiallyDownloadedBlock for block 5c using a cmpctblock of 300 bytes" "Saw new cmpctblock header hash=5c"]`,
		`10 headers 82 4 []`,
		// Its header came from another peer.
		`12 cmpctblock 237 3 ["Initialized PartiallyDownloadedBlock for block 6d using a cmpctblock of size 237" "Successfully reconstructed block 6d with 1 txn prefilled, 0 txn from mempool and 0 txn requested"]`,
		`15 ping 8 31 []`,
		`17 getheaders 101 3 ["getheaders 5 to end"]`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheDetailsOfAMessageAreBounded(t *testing.T) {
	var r Reader
	r.Read(time.Unix(0, 0), "x [net] received: inv (37 bytes) peer=3")
	for i := range 1000 {
		r.Read(time.Unix(0, 0), fmt.Sprintf("x [net] got inv: tx %d  new peer=3", i))
	}
	if m := r.Flush(); len(m.Details) != maxDetails+1 || m.Details[maxDetails] != "…" {
		t.Errorf("%d details, the last is %s", len(m.Details), m.Details[len(m.Details)-1])
	}
}

func FuzzReader(f *testing.F) {
	for line := range strings.Lines(log) {
		f.Add(line, line)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var r Reader
		r.Read(time.Unix(0, 0), "[net] received: inv (37 bytes) peer=3")
		r.Read(time.Unix(0, 0), first)
		if m := r.Read(time.Unix(1, 0), second); m != nil && (m.Type == "" || m.Bytes < 0 || len(m.Details) > maxDetails+1) {
			t.Errorf("%+v", m)
		}
	})
}

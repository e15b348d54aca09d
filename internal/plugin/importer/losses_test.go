package importer

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// withPeers is an export of Polar with one node and these peers of it.
func withPeers(name string, peers []string) Source {
	return Source{Data: []byte(`{"network":{"name":"p","nodes":{"bitcoin":[{"name":"` + name + `","implementation":"bitcoind","version":"1","peers":["` +
		strings.Join(peers, `","`) + `"]}]}}}`)}
}

func TestEveryNameThatIsNotImportedIsInTheHead(t *testing.T) {
	var peers []string
	for i := range 20 {
		peers = append(peers, fmt.Sprintf("gone%d", i))
	}
	r := imported(t, withPeers("a", peers))
	const want = `connections with nodes that are not imported: "a" to "gone0", "a" to "gone1", "a" to "gone2", "a" to "gone3", "a" to "gone4", "a" to "gone5"`
	same(t, "the short text", []string{want + " and 14 more"}, r.NotImported)
	text := r.Comments()
	if !strings.Contains(text, "\n#   "+want+",\n#     \"a\" to \"gone6\", ") || !strings.HasSuffix(text, "\n#     \"a\" to \"gone18\", \"a\" to \"gone19\"\n") {
		t.Errorf("the head is\n%s", text)
	}
	for _, peer := range peers {
		if !strings.Contains(text, `"`+peer+`"`) {
			t.Errorf("the head does not have %s", peer)
		}
	}
	onlyComments(t, r)
}

func TestManyKindsOfLossesAreInTheHeadAlone(t *testing.T) {
	var keys strings.Builder
	for i := range 100 {
		fmt.Fprintf(&keys, ", key%d: 1", i)
	}
	r := imported(t, Source{Folder: "w", Data: []byte("nodes: [{name: a" + keys.String() + "}]")})
	if last := len(r.NotImported) - 1; last != 32 || r.NotImported[last] != "and 68 more, which the head of the manifest has" || r.Parts != 100 {
		t.Errorf("of %d parts there are %d lines, the last of them %q", r.Parts, last+1, r.NotImported[last])
	}
	if text := r.Comments(); strings.Count(text, "\n#   the value of \"key") != 100 {
		t.Errorf("the head is\n%s", text)
	}
}

// A character of a name in the file is up to ten in the head, and each of the peers repeats it.
func TestTheHeadOfAHostileFileIsBounded(t *testing.T) {
	var peers []string
	for i := range 60_000 {
		peers = append(peers, fmt.Sprintf("%x", i))
	}
	s := withPeers(strings.Repeat("\u202e", maxShown), peers)
	text := imported(t, s).Comments()
	if most := timesFile*len(s.Data) + longList + 1<<13; len(text) > most {
		t.Errorf("for a file of %d bytes the head has %d, and should have at most %d", len(s.Data), len(text), most)
	}
	var more int
	_, last, _ := strings.Cut(text, "\n#   and ")
	if _, err := fmt.Sscanf(last, "%d more: the list is 8 times as long as the file\n", &more); err != nil {
		t.Fatalf("the head ends with %.100q: %v", text[max(0, len(text)-100):], err)
	}
	if listed := strings.Count(text, " to "); listed+more != len(peers) || listed < 1000 {
		t.Errorf("%d names and %d more are not the %d of the file", listed, more, len(peers))
	}
}

// A name may be as long as the file, and is shown again and again.
func TestALongNameIsImportedInTime(t *testing.T) {
	name := strings.Repeat("x", 2<<20)
	var channels strings.Builder
	for range 5000 {
		channels.WriteString("{target: b-ln, capacity: 1}, ")
	}
	for format, s := range map[string]Source{
		"Polar": withPeers(name, strings.Split(strings.Repeat("y ", 400_000), " ")),
		"Warnet": {Folder: "w", Data: []byte("nodes: [{name: b, ln: {lnd: true}}, {name: " + name + ", ln: {lnd: true}, lnd: {channels: [" +
			channels.String() + "]}}]")},
	} {
		ended := make(chan error, 1)
		go func() {
			r, err := Import(s)
			if err == nil && len(r.NotImported) != 1 {
				err = fmt.Errorf("not imported is %.200q", r.NotImported)
			}
			ended <- err
		}()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s: %v", format, err)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s: the import of a file of %d bytes has not ended after a minute", format, len(s.Data))
		}
	}
}

package importer

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// link is a channel of Polar.
func link(capacity, push string) string {
	return `"c":{"from":{"nodeId":"x"},"to":{"nodeId":"y"},"properties":{"type":"open-channel","capacity":` + capacity + `,"toBalance":` + push + `}}`
}

func channelOfWarnet(fields string) string {
	return "nodes: [{name: a, ln: {lnd: true}, lnd: {channels: [{target: b-ln, " + fields + "}]}}, {name: b, ln: {lnd: true}}]"
}

func TestAFileThatCannotBeImportedIsNamedWithWhatToDo(t *testing.T) {
	many := func(item string, count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, item, i)
		}
		return b.String()
	}
	for text, want := range map[string]string{
		" \n":                     "is empty",
		"<?xml version='1.0'?>":   "(GraphML), which is not imported: write it as network.yaml",
		"{":                       "is no JSON, in line 1 of it: unexpected end of JSON input",
		"{}":                      "has no network: name the zip file of Export Network in Polar",
		`{"nodes":[],"edges":[]}`: "warnet import-network",
		`{"network":{"id":"x"}}`:  "is no export of Polar: ",
		`{"network":{"name":1}}`:  `is no export of Polar: "network.name" has a number`,
		`{"network":{"id":1}}`:    "has no node with bitcoind",
		polar("a a", "", ""):      `the node "a" has no name of its own`,
		polar("a", "x@a x@a", ""): `the node "x" has no name of its own`,
		polar("a", "x@a y@a", link(`"1e6"`, `"0"`)):                         `from "x" to "y" has the capacity "1e6", which is no number of satoshis`,
		polar("a", "x@a y@a", link(`99999999999999999999`, `"0"`)):          `has the capacity "99999999999999999999"`,
		polar("a", "x@a y@a", link(`2100000000000001`, `"0"`)):              `has the capacity "2100000000000001"`,
		polar("a", "x@a y@a", link(`-50000`, `"0"`)):                        `has the capacity "-50000"`,
		polar("a", "x@a y@a", link(`50000.5`, `"0"`)):                       `has the capacity "50000.5"`,
		polar("a", "x@a y@a", link(`50000`, `null`)):                        `gives its other end ""`,
		polar("a", "x@a y@a", link(`50000`, `50000`)):                       "gives its other end 50000 of its 50000 satoshis",
		polar("a", many("l%d@a ", 65), ""):                                  "has 65 LND nodes, and a LightningNetwork may have 64",
		polar(many("b%d ", 501), "", ""):                                    "has 501 nodes, and a BitcoinNetwork may have 500",
		"nodes: []":                                                         "has no list of nodes",
		"services: {}":                                                      "has no list of nodes",
		"- a":                                                               "is no network of Warnet, and no export of Polar",
		"a: b: c":                                                           "is no YAML",
		"nodes: [{addnode: [a]}]":                                           "has a node without a name in line 1",
		"nodes: [a]":                                                        "has a node without a name in line 1",
		"nodes: [{name: a}]\n---\nnodes: [{name: b}]":                       "has a second document in line",
		"nodes: [{name: a, name: b}]":                                       `has "name" twice, in line 1`,
		"x: &x [1]\nnodes: [{name: a, y: *x}]":                              "has an anchor or an alias in line 1, which are not supported",
		"nodes: [{name: a, <<: {b: c}}]":                                    "or a merge key, which are not supported",
		"nodes: [{name: a, [b]: c}]":                                        "has a key in line 1 that is no text",
		"nodes: [{name: a}]\nx: {" + many("k%d: 1, ", 201) + "}":            "has more than 200 keys in the mapping of line 2",
		"nodes: [" + many("{name: n%d}, ", 501) + "]":                       "has 501 nodes, and a BitcoinNetwork may have 500",
		"nodes: [{name: a}, {name: a}]":                                     `the node "a" has no name of its own`,
		channelOfWarnet("capacity: 0x10000"):                                `has the capacity "0x10000"`,
		channelOfWarnet("capacity: 1e6"):                                    `has the capacity "1e6"`,
		channelOfWarnet("push_amt: 1"):                                      `has the capacity ""`,
		channelOfWarnet("capacity: 50000, push_amt: []"):                    `gives its other end ""`,
		strings.Replace(channelOfWarnet("capacity: 50000"), "b-ln", "b", 1): `a channel from "a-ln" to "b" in line 1, which is no Lightning node`,
		"#" + strings.Repeat(" ", MaxSize):                                  "has more than 4194304 bytes",
	} {
		_, err := Import(Source{File: "the file", Folder: "f", Data: []byte(text)})
		if _, wrong := err.(*invalid.Error); !wrong || !strings.Contains(err.Error(), want) { //nolint:errorlint // the exit code depends on it
			t.Errorf("%.80q: got %v, want an error of invalid input with %q", text, err, want)
		}
	}
}

func TestAnOptionOrDefaultsThatDoNotFitAreNamed(t *testing.T) {
	for _, s := range []Source{{Data: []byte("nodes: [{name: a}]"), Network: "x"}, {Data: []byte(polar("a", "", "")), Network: "x"}} {
		if _, err := Import(s); err == nil || !strings.Contains(err.Error(), "leave --network out") {
			t.Errorf("--network of one network: %v", err)
		}
	}
	for _, defaults := range []string{"- a", "x: &x 1", strings.Repeat(" ", MaxSize+1)} {
		if _, err := Import(Source{Folder: "f", Data: []byte("nodes: [{name: a}]"), Defaults: []byte(defaults)}); err == nil {
			t.Errorf("the defaults %.20q are accepted", defaults)
		}
	}
}

func TestTooManyChannelsAndConnectionsAreRejected(t *testing.T) {
	var links, nodes []string
	for i := range maxChannels + 1 {
		links = append(links, strings.Replace(link("50000", "0"), `"c"`, fmt.Sprintf(`"c%d"`, i), 1))
	}
	if _, err := Import(Source{Data: []byte(polar("a", "x@a y@a", strings.Join(links, ",")))}); err == nil || !strings.Contains(err.Error(), "has 501 channels") {
		t.Errorf("501 channels: %v", err)
	}
	if r := imported(t, Source{Data: []byte(polar("a", "x@a y@a", strings.Join(links[1:], ",")))}); len(r.Lightning.Spec.Channels) != maxChannels {
		t.Errorf("of 500 channels, %d are imported", len(r.Lightning.Spec.Channels))
	}
	for i := range 101 {
		var peers []string
		for j := range i {
			peers = append(peers, fmt.Sprintf("n%d", j))
		}
		nodes = append(nodes, fmt.Sprintf("{name: n%d, addnode: [%s]}", i, strings.Join(peers, ", ")))
	}
	if _, err := Import(Source{Folder: "f", Data: []byte("nodes: [" + strings.Join(nodes, ", ") + "]")}); err == nil || !strings.Contains(err.Error(), "more than 5000 connections") {
		t.Errorf("5050 connections: %v", err)
	}
	if r := imported(t, Source{Folder: "f", Data: []byte("nodes: [" + strings.Join(nodes[:100], ", ") + "]")}); len(r.Bitcoin.Spec.Topology.Edges) != 4950 {
		t.Errorf("of 4950 connections, %d are imported", len(r.Bitcoin.Spec.Topology.Edges))
	}
}

// hostileName ends a comment in YAML, each part in another way.
const hostileName = "x\nkind: Secret\r\u0085kind: Secret\u2028kind: Secret\u2029kind: Secret\u202e"

func TestANameCannotLeaveItsComment(t *testing.T) {
	quoted := strings.NewReplacer("\n", `\n`, "\r", `\r`, "\u0085", `\u0085`, "\u2028", `\u2028`, "\u2029", `\u2029`, "\u202e", `\u202e`).Replace(hostileName)
	r := imported(t, Source{Data: []byte(strings.ReplaceAll(polar("HOSTILE", "l@HOSTILE", ""), "HOSTILE", quoted))})
	if r.bitcoin[0].name != hostileName {
		t.Fatalf("the name is %q", r.bitcoin[0].name)
	}
	onlyComments(t, r)
	onlyComments(t, imported(t, Source{Folder: hostileName, Data: []byte("nodes: [{name: a}]")}))
}

// onlyComments checks that all of the head is comments, with every end of a line that YAML has.
func onlyComments(t *testing.T, r *Result) {
	t.Helper()
	text := r.Comments()
	if strings.ContainsAny(text, "\r\u0085\u2028\u2029\u202e\x00") {
		t.Errorf("the comments have control characters: %q", text)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") || !strings.HasSuffix(line, "\n") {
			t.Errorf("the line %q is no comment", line)
		}
	}
}

// zipped is an archive with one entry.
func zipped(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, entry := range []struct {
		name string
		data []byte
	}{{"volumes/bitcoind/backend1/debug.log", []byte("log")}, {name, data}} {
		into, err := w.Create(entry.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := into.Write(entry.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOnlyTheNetworkOfAnArchiveIsRead(t *testing.T) {
	read := func(data []byte) ([]byte, error) { return Read("a.zip", bytes.NewReader(data), int64(len(data))) }
	want := sample(t, "polar.json")
	good := zipped(t, "export.json", want)
	if got, err := read(good); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes were read of %d (%v)", len(got), len(want), err)
	}
	if got, err := read(want); err != nil || !bytes.Equal(got, want) {
		t.Errorf("of a file without an archive %d bytes were read (%v)", len(got), err)
	}
	damaged := bytes.Clone(good)
	damaged[bytes.Index(damaged, []byte("export.json"))+40] ^= 0xff
	for want, data := range map[string][]byte{
		"has no export.json":        zipped(t, "../export.json", want),
		"is no complete zip file":   good[:len(good)-1],
		"cannot be read":            damaged,
		"has more than 4194304":     zipped(t, "export.json", make([]byte, MaxSize+1)), // some kilobytes, compressed
		"a.zip has more than 41943": make([]byte, MaxSize+1),
	} {
		_, err := read(data)
		if _, wrong := err.(*invalid.Error); !wrong || !strings.Contains(err.Error(), want) { //nolint:errorlint // the exit code depends on it
			t.Errorf("got %v, want an error of invalid input with %q", err, want)
		}
	}
	failing := io.NewSectionReader(bytes.NewReader(nil), 0, 0)
	if got, err := Read("empty", failing, 0); err != nil || len(got) != 0 {
		t.Errorf("an empty file gives %q, %v", got, err)
	}
}

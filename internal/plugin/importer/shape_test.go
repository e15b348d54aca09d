package importer

import "testing"

func TestAValueOfAnotherShapeIsNamedWithItsLine(t *testing.T) {
	for values, want := range map[string]string{
		"addnode: tank-b":                     "a single value as addnode in line 2: write a list",
		"addnode: {a: b}":                     "a mapping as addnode in line 2: write a list",
		"addnode: [{a: b}]":                   "a mapping as an entry of addnode in line 2: write a single value",
		"chain: [regtest]":                    "a list as chain in line 2: write a single value",
		"global: signet":                      "a single value as global in line 2: write a mapping",
		"global: {chain: {signet: true}}":     "a mapping as global.chain in line 2: write a single value",
		"image: bitcoin:28.1":                 "a single value as image in line 2: write a mapping",
		"image: {repository: [a]}":            "a list as image.repository in line 2: write a single value",
		"image: {tag: {a: b}}":                "a mapping as image.tag in line 2: write a single value",
		"ln: lnd":                             "a single value as ln in line 2: write a mapping",
		"ln: {lnd: {enabled: true}}":          "a mapping as ln.lnd in line 2: write a single value",
		"ln: {cln: [true]}":                   "a list as ln.cln in line 2: write a single value",
		"ln: {lnd: 1}":                        `"1" as ln.lnd in line 2: write true or false`,
		"lnd: []":                             "a list as lnd in line 2: write a mapping",
		"lnd: {image: lnd}":                   "a single value as lnd.image in line 2: write a mapping",
		"lnd: {image: {tag: [a]}}":            "a list as lnd.image.tag in line 2: write a single value",
		"lnd: {image: {repository: [a]}}":     "a list as lnd.image.repository in line 2: write a single value",
		"lnd: {channels: {target: a-ln}}":     "a mapping as lnd.channels in line 2: write a list",
		"lnd: {channels: [a-ln]}":             "a single value as an entry of lnd.channels in line 2: write a mapping",
		"lnd: {channels: [{target: [a-ln]}]}": "a list as target in line 2: write a single value",
		"cln: lightning":                      "a single value as cln in line 2: write a mapping",
		"cln: {channels: all}":                "a single value as cln.channels in line 2: write a list",
		"cln: {channels: [a-ln]}":             "a single value as an entry of cln.channels in line 2: write a mapping",
	} {
		node := "nodes: [{name: a,\n" + values + "}]"
		rejected(t, Source{File: "network.yaml", Folder: "w", Data: []byte(node)}, "network.yaml has "+want)
		defaults := Source{File: "network.yaml", Folder: "w", Data: []byte("nodes: [{name: a}]"), Defaults: []byte("#\n" + values)}
		rejected(t, defaults, "node-defaults.yaml has "+want)
	}
	rejected(t, Source{File: "f", Folder: "w", Data: []byte("warnet: [a]\nnodes: [{name: a}]")}, "f has a list as warnet in line 1: write a single value")
}

func TestNullIsAValueOfEveryShape(t *testing.T) {
	for _, values := range []string{"addnode: null", "chain: ~", "global:", "image: {tag: null}", "ln: null", "ln: {lnd: null}", "lnd: {channels: null}", "cln: null"} {
		r := imported(t, Source{Folder: "w", Data: []byte("nodes:\n- name: a\n  " + values), Defaults: []byte(values)})
		same(t, values, []string{}, r.NotImported)
	}
}

// 0500000 is 163840 for Helm, which reads YAML 1.1, and 500000 in YAML 1.2.
func TestANumberWithAZeroInFrontIsRejected(t *testing.T) {
	for fields, want := range map[string]string{
		"capacity: 0500000":                   `f has the capacity "0500000" in line 1, which is octal in YAML 1.1: write it without the 0 in front`,
		"capacity: 0800000":                   `f has the capacity "0800000" in line 1`,
		"capacity: 0_500_000":                 `f has the capacity "0_500_000" in line 1`,
		"capacity: 500000, push_amt: 0100000": `f has the push_amt "0100000" in line 1`,
	} {
		rejected(t, Source{File: "f", Folder: "w", Data: []byte(channelOfWarnet(fields))}, want)
	}
	for _, fields := range []string{`capacity: "0500000"`, "capacity: 500000, push_amt: 0", "capacity: 500_000"} {
		r := imported(t, Source{Folder: "w", Data: []byte(channelOfWarnet(fields))})
		if got := r.Lightning.Spec.Channels[0]; got.Capacity != 500_000 || got.Push != 0 {
			t.Errorf("%s becomes %+v", fields, got)
		}
	}
}

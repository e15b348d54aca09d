package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive/archivetest"
)

// entry is one of an archive that was not written by this package.
type entry struct {
	name string
	data []byte
	// claims is the size in the header; 0 for the true one.
	claims int64
}

// forge writes an archive of any entries.
func forge(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	for _, e := range entries {
		var one bytes.Buffer
		w := tar.NewWriter(&one)
		size := max(e.claims, int64(len(e.data)))
		if err := w.WriteHeader(&tar.Header{Name: e.name, Size: size, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
		if size == int64(len(e.data)) {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := compressed.Write(one.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := compressed.Write(make([]byte, 1024)); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// parts are the entries of a snapshot.
func parts(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	found, err := entries(data)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func entries(data []byte) (map[string][]byte, error) {
	found := map[string][]byte{}
	compressed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(compressed); ; {
		header, err := r.Next()
		if err == io.EOF { //nolint:errorlint // as documented
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if found[header.Name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}

func manifestText(data []byte) (string, error) {
	found, err := entries(data)
	return string(found[manifestName]), err
}

// forged is a snapshot with a changed manifest and other blocks or wallets, whose digests and sizes are right.
func forged(t *testing.T, change func(m *Manifest), blocks, list []byte) []byte {
	t.Helper()
	original := parts(t, pack(t, archivetest.Chain(3, tip), Manifest{}, wallets()))
	if blocks == nil {
		blocks = original[blocksName]
	}
	if list == nil {
		list = original[walletsName]
	}
	var m Manifest
	if err := json.Unmarshal(original[manifestName], &m); err != nil {
		t.Fatal(err)
	}
	m.Parts = []Part{part(blocksName, blocks), part(walletsName, list)}
	change(&m)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return forge(t, entry{name: manifestName, data: text}, entry{name: blocksName, data: blocks}, entry{name: walletsName, data: list})
}

func same(*Manifest) {}

func TestAHostileFileIsRejected(t *testing.T) {
	original := parts(t, pack(t, archivetest.Chain(3, tip), Manifest{}, wallets()))
	manifest := entry{name: manifestName, data: original[manifestName]}
	record := func(length uint32, payload []byte) []byte {
		return append([]byte{0xfa, 0xbf, 0xb5, 0xda, byte(length), byte(length >> 8), byte(length >> 16), byte(length >> 24)}, payload...)
	}
	if _, err := Read(forged(t, same, nil, nil)); err != nil {
		t.Fatalf("an unchanged one: %v", err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no archive":                {[]byte("hello"), "not compressed as a snapshot"},
		"an empty archive":          {forge(t), "it is cut off"},
		"another entry first":       {forge(t, entry{name: "../../etc/passwd", data: []byte("x")}), `it has the entry "../../etc/passwd"`},
		"a huge manifest":           {forge(t, entry{name: manifestName, claims: 1 << 40}), "claims 1099511627776 bytes"},
		"a manifest that is cut":    {forge(t, entry{name: manifestName, claims: 1 << 20}), "it is cut off"},
		"no manifest":               {forge(t, entry{name: manifestName, data: []byte("{")}), "is not the expected JSON"},
		"huge blocks":               {forge(t, manifest, entry{name: blocksName, claims: 1 << 50}), "claims 1125899906842624 bytes"},
		"a later version":           {forged(t, func(m *Manifest) { m.Version = 2 }, nil, nil), "version 2 of the format"},
		"another format":            {forged(t, func(m *Manifest) { m.Format = "x" }, nil, nil), `format "x"`},
		"another chain":             {forged(t, func(m *Manifest) { m.Chain = "main" }, nil, nil), `its chain is "main"`},
		"negative blocks":           {forged(t, func(m *Manifest) { m.Blocks, m.Height = -1, -1 }, nil, nil), "claims -1 blocks"},
		"billions of blocks":        {forged(t, func(m *Manifest) { m.Blocks, m.Height = 1<<40, 1<<40 }, nil, nil), "claims 1099511627776 blocks"},
		"more blocks than there":    {forged(t, func(m *Manifest) { m.Blocks, m.Height = 4, 4 }, nil, nil), "it is cut off"},
		"less blocks than there":    {forged(t, func(m *Manifest) { m.Blocks, m.Height = 2, 2 }, nil, nil), "the last block is"},
		"another best block":        {forged(t, func(m *Manifest) { m.BestBlock = "ff" }, nil, nil), "and ff by the manifest"},
		"another time":              {forged(t, func(m *Manifest) { m.BestBlockTime = created }, nil, nil), "the last block is from"},
		"no parts":                  {forged(t, func(m *Manifest) { m.Parts = nil }, nil, nil), "does not list the parts"},
		"another digest":            {forged(t, func(m *Manifest) { m.Parts[0].Digest = "sha256:00" }, nil, nil), "blocks.dat has the digest sha256:"},
		"another size":              {forged(t, func(m *Manifest) { m.Parts[0].Size++ }, nil, nil), "bytes, and"},
		"a block of another chain":  {forged(t, same, []byte("12345678"), nil), "block 1: it is not one of regtest"},
		"a block of four gigabytes": {forged(t, same, record(0xffffffff, nil), nil), "claims 4294967295 bytes"},
		"a block that is cut":       {forged(t, same, record(100, []byte("x")), nil), "it is cut off"},
		"a block of many transactions": {forged(t, same, record(89, append(make([]byte, 80), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)), nil),
			"block 1: it cannot be decoded"},
		"blocks of zeros":         {forged(t, same, make([]byte, 64<<20), nil), "block 1: it is not one of regtest"},
		"more than the blocks":    {forged(t, same, append(bytes.Clone(original[blocksName]), 0), nil), "has more than the 3 blocks"},
		"wallets that are none":   {forged(t, same, nil, []byte(`[{"name":7,"descriptors":[{"desc":"tprvsecret"}]}]`)), "wallets.json is not the expected JSON"},
		"other wallets":           {forged(t, same, nil, []byte(`[]`)), "does not list the wallets"},
		"a wallet outside":        {forged(t, same, nil, []byte(`[{"name":"../../x"}]`)), "is no name of a wallet"},
		"an absolute wallet":      {forged(t, same, nil, []byte(`[{"name":"/x"}]`)), "is no name of a wallet"},
		"a wallet of no node":     {forged(t, same, nil, []byte(`[{"node":500,"name":"x"}]`)), "which no network has"},
		"a wallet without a name": {forged(t, same, nil, []byte(`[{"node":0}]`)), "is no name of a wallet"},
		"an address with a line":  {forged(t, same, nil, []byte(`[{"name":"x","labels":[{"address":"a\nstop"}]}]`)), "which is no address"},
		"a wallet twice":          {forged(t, same, nil, []byte(`[{"name":"x"},{"name":"x"}]`)), "twice"},
		"more entries":            {forge(t, manifest, entry{name: blocksName, data: original[blocksName]}, entry{name: walletsName, data: original[walletsName]}, entry{name: "more"}), "more entries"},
	} {
		_, err := Read(c.data)
		switch {
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: the error is %v, without %q", name, err, c.want)
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: the error quotes a key: %v", name, err)
		}
	}
}

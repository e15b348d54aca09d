package attest

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadKey(t *testing.T) {
	priv, _ := keys(t)
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, priv, 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("topsecret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		value, name, file string
		want              error
	}{
		"from a variable":                        {string(priv), "KEY", "", nil},
		"with \\n for line ends":                 {strings.ReplaceAll(string(priv), "\n", `\n`), "KEY", "", nil},
		"as base64":                              {base64.StdEncoding.EncodeToString(priv), "KEY", "", nil},
		"as base64 in lines":                     {base64.StdEncoding.EncodeToString(priv)[:76] + "\n" + base64.StdEncoding.EncodeToString(priv)[76:], "KEY", "", nil},
		"from a file":                            {"", "", file, nil},
		"from a file as the variable is empty":   {"", "KEY", file, nil},
		"the variable goes before the file":      {string(priv), "KEY", garbage, nil},
		"a variable that is not set":             {"", "KEY", "", ErrNoKey},
		"nothing named":                          {"", "", "", ErrNoKey},
		"a missing file":                         {"", "", file + "x", ErrNoKey},
		"a variable with something else in it":   {"topsecret", "KEY", "", ErrBadKey},
		"a file with something else in it":       {"", "", garbage, ErrBadKey},
		"something else does not fall to a file": {"topsecret", "KEY", file, ErrBadKey},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ReadKey(func(string) string { return c.value }, c.name, c.file)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil {
				if _, err := Sign(verification(), got); err != nil {
					t.Error(err)
				}
			} else if strings.Contains(err.Error(), "topsecret") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// FuzzVerify: whatever the bytes are, only what the key signed is accepted.
func FuzzVerify(f *testing.F) {
	priv, pub := fixed(f)
	good := signed(f, priv)
	a, _ := SignApproval(approval(), priv)
	f.Add(good)
	f.Add(a)
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, envelope []byte) {
		if r, err := Verify(envelope, pub); err == nil {
			if diff := cmp.Diff(verification(), *r); diff != "" {
				t.Fatalf("accepted what was never signed: %s", diff)
			}
		} else if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrBadSignature) && !errors.Is(err, ErrWrongKind) {
			t.Fatalf("untyped error %v", err)
		}
		if got, err := VerifyApproval(envelope, pub); err == nil && *got != approval() {
			t.Fatalf("accepted what was never signed: %v", got)
		}
	})
}

package main

import (
	"strings"
	"testing"
)

func TestThePinsHaveBothPlatforms(t *testing.T) {
	p, err := parsePins(pinsText)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for platform, interpreter := range map[string]string{"linux/amd64": "lib64/ld-linux-x86-64.so.2", "linux/arm64": "lib/ld-linux-aarch64.so.1"} {
		list, err := p.of(platform)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, pin := range list {
			for target := range pin.Files {
				found[target] = true
			}
			if !found["usr/share/doc/"+pin.Package+"/copyright"] && pin.Package != "gcc-16-base" && !strings.HasPrefix(pin.Source, "gcc-") && !strings.HasPrefix(pin.Source, "krb5 ") {
				t.Errorf("%s: the copyright of %s is missing", platform, pin.Package)
			}
			if pin.Package == program {
				versions[platform] = pin.Version
			}
		}
		for _, want := range []string{interpreter, "usr/local/bin/bitcoind", "usr/local/bin/bitcoin-cli"} {
			if !found[want] {
				t.Errorf("%s: %s is missing", platform, want)
			}
		}
	}
	if versions["linux/amd64"] == "" || versions["linux/amd64"] != versions["linux/arm64"] {
		t.Errorf("the platforms have different versions: %v", versions)
	}
}

func TestPinsThatAreNoneAreReported(t *testing.T) {
	const sums = `"size":1,"sha256":"` + "0000000000000000000000000000000000000000000000000000000000000000" + `","sha1":"0000000000000000000000000000000000000000"`
	tests := map[string]struct{ text, want string }{
		"another format":                    {"[]", "pins.json cannot be read"},
		"no hash":                           {`{"platforms":{"linux/amd64":[{"package":"a","version":"1","path":"pool/a.deb"}]}}`, "package a of linux/amd64: package, version, size, sha256 and sha1 are required"},
		"a path that leaves the mirror":     {`{"platforms":{"linux/amd64":[{"package":"a","version":"1","path":"../a.deb",` + sums + `}]}}`, "no path of a package"},
		"a file that leaves the image":      {`{"platforms":{"linux/amd64":[{"package":"a","version":"1","path":"pool/a.deb",` + sums + `,"files":{"../a":"usr/a"}}]}}`, "leaves the image"},
		"an absolute path":                  {`{"platforms":{"linux/amd64":[{"package":"a","version":"1","path":"pool/a.deb",` + sums + `,"files":{"a":"/usr/a"}}]}}`, "leaves the image"},
		"a file that two packages bring in": {`{"platforms":{"linux/amd64":[{"package":"a","version":"1","path":"pool/a.deb",` + sums + `,"files":{"x":"a"}},{"package":"b","version":"1","path":"pool/b.deb",` + sums + `,"files":{"x":"b"}}]}}`, "is in two packages, a and b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := parsePins([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

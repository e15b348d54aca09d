package image

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/sbom"
)

func TestThePackagesOfAnImageAreFound(t *testing.T) {
	layer, err := layerOf(map[string][]byte{
		"var/lib/dpkg/status.d/libzmq5":         []byte("Package: libzmq5\nSource: zeromq3 (4.3.5-1)\nVersion: 4.3.5-1+b8\nArchitecture: arm64\nDescription: messages\n Version: 2\n"),
		"var/lib/dpkg/status.d/libzmq5.md5sums": []byte("Package: a\nVersion: 1\n"),
		"var/lib/dpkg/status.d/empty":           nil,
		"var/lib/dpkg/status.d/more/x":          []byte("Package: a\nVersion: 1\n"),
		"var/lib/dpkg/status":                   []byte("Package: a\nVersion: 1\n"),
		"bin/x":                                 []byte("Package: a\nVersion: 1\n"),
	}, map[string]bool{"bin/x": true}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	var got sbom.Platform
	left := int64(maxLayers)
	if err := describe(&got, layer, &left); err != nil {
		t.Fatal(err)
	}
	want := sbom.Platform{Packages: []sbom.Package{{Name: "libzmq5", Version: "4.3.5-1+b8", Architecture: "arm64", Source: "zeromq3 (4.3.5-1)"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

package cluster

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// randomImage is the name of a new image by its digest; the registry has it only if it is pushed.
func randomImage(t *testing.T, repository string, pushed bool) string {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	if pushed {
		if err := remote.Write(ref, img); err != nil {
			t.Fatal(err)
		}
	}
	return ref.String()
}

func TestOptionalImagesAreLoadedWhereTheyExistAndEachOnce(t *testing.T) {
	srv := httptest.NewServer(registry.New())
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	candidate, earlier, gone := randomImage(t, host+"/candidate", true), randomImage(t, host+"/earlier", true), randomImage(t, host+"/gone", false)
	for name, c := range map[string]struct {
		optional, refs, loaded []string
		words                  string // of the error
	}{
		"those of the candidate":         {nil, []string{candidate}, []string{candidate}, ""},
		"one several times":              {nil, []string{candidate, candidate}, []string{candidate}, ""},
		"an optional one":                {[]string{earlier}, []string{candidate}, []string{candidate, earlier}, ""},
		"an optional one that is gone":   {[]string{gone}, []string{candidate}, []string{candidate}, ""},
		"optional ones several times":    {[]string{earlier, candidate, earlier}, []string{candidate}, []string{candidate, earlier}, ""},
		"a required one that is gone":    {nil, []string{gone}, nil, "gone"},
		"an optional one of no registry": {[]string{"127.0.0.1:1/x@" + strings.SplitN(gone, "@", 2)[1]}, []string{candidate}, nil, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := standIn(t, ``, `'image inspect '*) exit 1 ;;`, `'exec '*'images import'*) cat >/dev/null ;;`, `'exec '*'images tag'*) mkdir "$dir/tagging" || exit 1; sleep 0.05; rmdir "$dir/tagging" ;;`, `'exec '*) ;;`)
			write(t, filepath.Join(dir, "node"), "hello-control-plane\n", 0o644)
			k, err := Open("hello", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			list, err := k.LoadWith(t.Context(), image.Access{}, c.optional, c.refs...)
			if (err != nil) != (c.words != "") || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			var refs []string
			for _, l := range list {
				refs = append(refs, l.Ref)
			}
			if diff := cmp.Diff(slices.Compact(slices.Clone(c.refs)), refs); diff != "" {
				t.Errorf("the list is not that of the refs:\n%s", diff)
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			if n := strings.Count(string(calls), "images import"); n != len(c.loaded) {
				t.Errorf("%d images were imported, want %d", n, len(c.loaded))
			}
			for _, ref := range c.loaded {
				if n := strings.Count(string(calls), "images tag --force "+ref+" "); n != 1 {
					t.Errorf("%s was loaded %d times:\n%s", ref, n, calls)
				}
			}
		})
	}
}

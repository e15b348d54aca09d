package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
)

// serve starts a registry kept in dir and gives its address.
func serve(t *testing.T, dir string) string {
	t.Helper()
	h, err := devserver.Registry(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func TestPushIsDoneOnceAndReleasesAreNeverReplaced(t *testing.T) {
	ctx, a, ref := t.Context(), Access{}, serve(t, t.TempDir())+"/team/hi:v1.0.0"
	first, other := build(t, spec(program(t, "hello"))), build(t, spec(program(t, "other")))
	if _, err := a.Digest(ctx, ref); !errors.Is(err, ErrNoImage) {
		t.Errorf("before the push: %v, want ErrNoImage", err)
	}
	got, pushed, err := a.Push(ctx, first, ref, true)
	if err != nil || !pushed || got != digest(t, first) {
		t.Fatalf("first push: %s %v %v", got, pushed, err)
	}
	r, err := a.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := remote.Index(r); err != nil || validate.Index(there) != nil {
		t.Errorf("what was pushed is not a whole image: %v %v", err, validate.Index(there))
	}
	if _, pushed, err = a.Push(ctx, first, ref, true); err != nil || pushed {
		t.Errorf("the same again: pushed %v, %v; want nothing to do", pushed, err)
	}
	if _, _, err = a.Push(ctx, other, ref, true); !errors.Is(err, ErrTagTaken) {
		t.Errorf("another image under a release's tag: %v, want ErrTagTaken", err)
	}
	if there, err := a.Digest(ctx, ref); err != nil || there != digest(t, first) {
		t.Errorf("the tag names %s, %v; want the first image", there, err)
	}
	if _, pushed, err = a.Push(ctx, other, ref, false); err != nil || !pushed {
		t.Errorf("replacing a development tag: %v %v", pushed, err)
	}
	if tags, err := a.Tags(ctx, strings.TrimSuffix(ref, ":v1.0.0")); err != nil || !slices.Equal(tags, []string{"v1.0.0"}) {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestAnArchiveKeepsTheDigestAndHoldsOnePlatform(t *testing.T) {
	host := serve(t, t.TempDir())
	idx := build(t, spec(program(t, "hello")))
	if _, _, err := (Access{}).Push(t.Context(), idx, host+"/hi:v1", true); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ ref, tagged string }{
		"by tag":            {host + "/hi:v1", host + "/hi:v1"},
		"by digest":         {host + "/hi@" + digest(t, idx), host + "/hi:by-digest"},
		"by tag and digest": {host + "/hi:v1@" + digest(t, idx), host + "/hi:v1"},
	} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			got, err := Access{}.Archive(t.Context(), c.ref, "linux/arm64", &buf)
			if err != nil {
				t.Fatal(err)
			}
			want := Pulled{Tagged: c.tagged, ByDigest: host + "/hi@" + digest(t, idx), Digest: digest(t, idx)}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			files := contents(t, &buf)
			var index v1.IndexManifest
			if err := json.Unmarshal(files["index.json"], &index); err != nil {
				t.Fatal(err)
			}
			top := index.Manifests[0]
			if top.Digest.String() != digest(t, idx) || top.Annotations["io.containerd.image.name"] != got.ByDigest {
				t.Errorf("the archive leads to %+v", top)
			}
			for path, content := range files {
				if hex, ok := strings.CutPrefix(path, "blobs/sha256/"); ok {
					if h, _, _ := v1.SHA256(bytes.NewReader(content)); h.Hex != hex {
						t.Errorf("%s holds other bytes", path)
					}
				}
			}
			// oci-layout, index.json, the index, one manifest, its configuration and its layer.
			if len(files) != 6 {
				t.Errorf("the archive holds %d files, want 6", len(files))
			}
		})
	}
}

func contents(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErrorsOfARegistryAreClassified(t *testing.T) {
	host := serve(t, t.TempDir())
	for name, c := range map[string]struct {
		ref  string
		want error
	}{
		"nobody listens there":   {"127.0.0.1:1/hi:1", ErrRegistry},
		"no such image":          {host + "/nothing:1", ErrNoImage},
		"not a reference at all": {"UPPER CASE", ErrSpec},
	} {
		if _, err := (Access{}).Digest(t.Context(), c.ref); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAMessageHasWhatTheRegistryAnswered(t *testing.T) {
	const text = `{"errors":[{"code":"DENIED","message":"the quota of team\n is used up: ask \u001b[1mops"},{"code":"TOOMANYREQUESTS"}]}`
	for status, want := range map[int]error{http.StatusNotFound: ErrNoImage, http.StatusForbidden: ErrRegistryAuth, http.StatusTeapot: ErrRegistry} {
		for body, answer := range map[string]string{
			text:                            `(the registry answered "DENIED: the quota of team is used up: ask [1mops; TOOMANYREQUESTS")`,
			`{"errors":[{"message":"no"}]}`: `(the registry answered "no")`, "<html>": "",
			`{"errors":[{"code":"X","message":"` + strings.Repeat("long ", 200) + `"}]}`: "…\")",
			`{"errors":[{"code":"X","message":"` + strings.Repeat("ä", 200) + `"}]}`:     "ä…\")", // byte 300 is half of one
		} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
				}
			}))
			_, err := (Access{}).Programs(t.Context(), strings.TrimPrefix(srv.URL, "http://")+"/hi:1")
			srv.Close()
			if !errors.Is(err, want) || !strings.Contains(err.Error(), answer) || answer == "" && strings.Contains(err.Error(), "answered") || len(err.Error()) > 800 {
				t.Errorf("%d: %v, want %v with %s", status, err, want, answer)
			}
		}
	}
}

func TestARegistrysPasswordIsNotInMessages(t *testing.T) {
	var seen string
	srv := httptest.NewServer(basicAuth("me", "pa55-word", &seen))
	host := strings.TrimPrefix(srv.URL, "http://")
	with := func(password string) Access {
		return Access{Pushes: []string{host + "/hi"}, Env: func(k string) string {
			return map[string]string{"CHART_PROMOTER_REGISTRY_USER": "me", "CHART_PROMOTER_REGISTRY_PASSWORD": password}[k]
		}}
	}
	if _, err := with("pa55-word").Tags(t.Context(), host+"/hi"); err != nil {
		t.Errorf("with the right password: %v", err)
	}
	if err := with("pa55-word").CheckPush(t.Context(), host+"/hi"); err != nil {
		t.Errorf("a push with the right password: %v", err)
	}
	if err := with("wr0ng-word").CheckPush(t.Context(), host+"/hi"); !errors.Is(err, ErrRegistryAuth) {
		t.Errorf("a push with another password: %v, want ErrRegistryAuth", err)
	}
	_, err := with("wr0ng-word").Tags(t.Context(), host+"/hi")
	srv.Close() // waits for handlers that write into seen
	if !errors.Is(err, ErrRegistryAuth) || strings.Contains(err.Error(), "wr0ng-word") || strings.Contains(seen, "pa55-word") {
		t.Errorf("with another password: %v; requested %s", err, seen)
	}
}

package gitrepo

import (
	"os"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// hostileModules are contents of .gitmodules that anyone may have written, each for the submodule chart. The test has an absolute path for
// the file marker: git runs in a directory of its own.
var hostileModules = map[string]string{
	"an option as the address":             "[submodule \"a\"]\n\tpath = chart\n\turl = --upload-pack=touch marker\n",
	"an option of git":                     "[submodule \"a\"]\n\tpath = chart\n\turl = -utouch marker\n",
	"a program as the transport":           "[submodule \"a\"]\n\tpath = chart\n\turl = ext::sh -c touch% marker\n",
	"an option of ssh as the host":         "[submodule \"a\"]\n\tpath = chart\n\turl = ssh://-oProxyCommand=touch${IFS}marker/x\n",
	"an option of ssh in the short form":   "[submodule \"a\"]\n\tpath = chart\n\turl = -oProxyCommand=touch:x\n",
	"a directory of this machine":          "[submodule \"a\"]\n\tpath = chart\n\turl = /etc\n",
	"a file address":                       "[submodule \"a\"]\n\tpath = chart\n\turl = file:///etc\n",
	"many steps up":                        "[submodule \"a\"]\n\tpath = chart\n\turl = " + strings.Repeat("../", 200) + "etc\n",
	"a step up that starts an option":      "[submodule \"a\"]\n\tpath = chart\n\turl = ./../../--upload-pack=touch\n",
	"a path that leads out":                "[submodule \"a\"]\n\tpath = ../chart\n\turl = https://127.0.0.1:1/x\n",
	"an absolute path":                     "[submodule \"a\"]\n\tpath = /chart\n\turl = https://127.0.0.1:1/x\n",
	"no path":                              "[submodule \"a\"]\n\turl = https://127.0.0.1:1/x\n",
	"no address":                           "[submodule \"a\"]\n\tpath = chart\n",
	"an empty address":                     "[submodule \"a\"]\n\tpath = chart\n\turl =\n",
	"no .gitmodules that git reads":        "[submodule \"a\"\npath = chart\n",
	"an included file":                     "[include]\n\tpath = /etc/passwd\n",
	"line ends in an address":              "[submodule \"a\"]\n\tpath = chart\n\turl = \"https://127.0.0.1:1/x\\n-u\"\n",
	"a huge file":                          "[submodule \"a\"]\n\tpath = chart\n\turl = https://127.0.0.1:1/" + strings.Repeat("a", 1<<20) + "\n",
	"many submodules":                      strings.Repeat("[submodule \"b\"]\n\tpath = b\n\turl = x\n", 20000),
	"a password in the address, no server": "[submodule \"a\"]\n\tpath = chart\n\turl = https://user:s3cret@127.0.0.1:1/x\n",
}

func TestHostileSubmodulesRunNothingAndReadNothing(t *testing.T) {
	t.Parallel()
	for name, content := range hostileModules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Init(t.Context(), t.TempDir()+"/source", "main", false)
			if err != nil {
				t.Fatal(err)
			}
			marker := t.TempDir() + "/marker"
			write(t, r.Dir+"/.gitmodules", strings.ReplaceAll(content, "marker", marker))
			if err := r.Add(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := r.git(t.Context(), "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",chart"); err != nil {
				t.Fatal(err)
			}
			commit, err := r.Commit(t.Context(), "a submodule", Author{})
			if err != nil {
				t.Fatal(err)
			}
			tree, err := r.Tree(t.Context(), commit, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			err = tree.Need(t.Context(), "chart")
			if err == nil {
				t.Fatal("the submodule was found")
			}
			if kind := failure.Of(err); kind != failure.BadInput && kind != failure.External || len(err.Error()) > 8192 || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("a %s error of %d bytes: %.500v", kind, len(err.Error()), err)
			}
			if _, err := os.Stat(marker); err == nil {
				t.Error("a program ran")
			}
		})
	}
}

func FuzzModuleAddress(f *testing.F) {
	for _, c := range []string{
		"submodule.a.path\nchart\x00submodule.a.url\nhttps://example.com/x\x00", "submodule.a.url\n-u\x00submodule.a.path\nchart\x00",
		"submodule.a.b.path\nchart/\x00submodule.a.b.url\n../x\x00", "submodule..path\nchart\x00submodule..url\n./-x\x00", "\x00\n\x00", "submodule.a.path\n\x00",
	} {
		f.Add(c, "https://example.com/team/app.git")
		f.Add(c, "git@example.com:team/app.git")
		f.Add(c, "/srv/app.git")
	}
	f.Fuzz(func(t *testing.T, listed, origin string) {
		address, ok := moduleAddress(listed, "chart")
		if !ok {
			if address != "" {
				t.Errorf("%q, without success", address)
			}
			return
		}
		if address == "" || strings.HasPrefix(address, "-") || !strings.Contains(listed, "\n"+address) {
			t.Fatalf("address %q", address)
		}
		if origin == "" || strings.HasPrefix(origin, "-") {
			return
		}
		if resolved := relativeURL(origin, address); strings.HasPrefix(resolved, "-") {
			t.Errorf("%q from %q is %q", address, origin, resolved)
		}
	})
}

// An address of a configuration comes from those who run this, but may be a variable that others set.
func TestHostileAddressesRunNothing(t *testing.T) {
	t.Parallel()
	marker := t.TempDir() + "/marker"
	for name, address := range map[string]string{
		"an option":                 "--upload-pack=touch " + marker,
		"a short option":            "-utouch " + marker,
		"a program":                 "ext::touch " + marker,
		"an option of ssh":          "ssh://-oProxyCommand=touch${IFS}" + marker + "/x",
		"an option of ssh, shorter": "-oProxyCommand=touch${IFS}" + marker + ":x",
		"a line end":                "https://127.0.0.1:1/x\n--upload-pack=touch " + marker,
		"a NUL":                     "https://127.0.0.1:1/x\x00y",
		"nothing":                   "",
		"a long one":                "https://127.0.0.1:1/" + strings.Repeat("a", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := func(string) (string, bool, error) { t.Error("the address was cloned"); return "", false, nil }
			for what, err := range map[string]error{
				"reachable": Reachable(t.Context(), address, "main", Options{}),
				"clone":     second(Clone(t.Context(), address, t.TempDir()+"/clone", CloneOptions{})),
				"update":    third(Update(t.Context(), address, "main", change, UpdateOptions{Attempts: 1})),
				"proposal":  second(Propose(t.Context(), address, "main", "up/x", change, UpdateOptions{Attempts: 1})),
				"push":      (&Repo{Dir: t.TempDir()}).CheckPush(t.Context(), address),
			} {
				if kind := failure.Of(err); err == nil || kind != failure.BadInput && kind != failure.External {
					t.Errorf("%s: a %s error: %.300v", what, kind, err)
				}
			}
			if _, err := os.Stat(marker); err == nil {
				t.Error("a program ran")
			}
		})
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

package page

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed web/index.html web/favicon.svg web/*.css web/*.js web/lib/*.js web/lib/LICENSE
var assets embed.FS

// mode is what the page knows of its server.
type mode struct {
	// Audience is that of the tokens with which people sign in.
	Audience string `json:"audience"`
}

// file is one of the page, which everybody gets without a token. All answers share its text, and end after a time: a browser that does not
// read would else keep memory.
type file struct {
	kind    string
	text    []byte
	timeout time.Duration
}

func (f *file) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.text)))
	if endWithin(w, f.timeout) == nil {
		_, _ = w.Write(f.text) // the browser has gone
	}
}

// files serves the page itself, with the mode of its server: in a cluster if shared is set.
func files(shared *mode, timeout time.Duration) *http.ServeMux {
	mux := http.NewServeMux()
	add := func(at, kind string, text []byte) {
		mux.Handle("GET "+at, &file{kind: kind, text: text, timeout: timeout})
	}
	err := fs.WalkDir(assets, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(assets, name)
		if at := strings.TrimPrefix(name, "web"); at == "/index.html" {
			add("/{$}", kindOf(name), text)
		} else {
			add(at, kindOf(name), text)
		}
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	text, err := json.Marshal(shared)
	if err != nil {
		panic(err) // it is one string
	}
	add("/mode.js", kindOf(".js"), []byte("export const shared = "+string(text)+";\n"))
	return mux
}

// kindOf is the media type of a file. The types of the machine may be others.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case "":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// endWithin bounds the time in which a browser takes what is written from now on. Over HTTP/2 the answer ends then in any case: whoever
// writes again later sets another time.
func endWithin(w http.ResponseWriter, timeout time.Duration) error {
	err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

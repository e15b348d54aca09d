// Package page renders the HTML pages of the release tool, data in, bytes out: the
// landing page of a chart repository and the status of a pipeline. Each page is one file
// that loads nothing else, no scripts and no fonts; the same data give the same
// bytes. Data may come from other authors: text is escaped and cut to a length, and
// becomes a link or a command only if that is harmless.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
)

// The names under which the pages are published.
const (
	LandingFile = "index.html"
	StatusFile  = "status.html"
)

//go:embed templates
var files embed.FS

var (
	// The indentation of the style sheet is not needed in each page.
	style = sync.OnceValue(func() string {
		return regexp.MustCompile(`\n\s*`).ReplaceAllString(mustRead("templates/style.css"), "\n")
	})
	// Parsed when a page is rendered: every command would pay for it otherwise.
	templates = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Funcs(template.FuncMap{
			"day": day, "minute": minute, "stamp": stamp, "short": short, "line": line, "link": link,
		}).ParseFS(files, "templates/*.html"))
	})
)

func mustRead(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// frame is the common part of all pages.
type frame struct {
	Title string
	Style template.CSS
	// Policy is the content security policy, which allows the page's style sheet and nothing else.
	Policy string
}

func newFrame(title string) frame {
	css := style()
	sum := sha256.Sum256([]byte(css))
	return frame{title, template.CSS(css), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"}
}

func render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := templates().ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("write the page %s: %w", name, err)
	}
	return seal.Seal(blankLines.ReplaceAll(out.Bytes(), []byte("\n"))), nil
}

var blankLines = regexp.MustCompile(`\n[ \t]*(\n[ \t]*)+`)

func day(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
func stamp(t time.Time) string  { return t.UTC().Format(time.RFC3339) }

package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "update the golden files")

// pages are all pages that have a golden file.
func pages(t testing.TB) map[string][]byte {
	t.Helper()
	all := landings(t)
	all["status"] = status(t)
	return all
}

func TestPagesAreAsTheGoldenFiles(t *testing.T) {
	for name, got := range pages(t) {
		golden := "testdata/" + name + ".html"
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// elements parses a page and gives its elements in their order.
func elements(t testing.TB, page []byte) []*html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var all []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return out.String()
}

// harmless checks that a page has nothing that runs or loads.
func harmless(t testing.TB, name string, page []byte) {
	t.Helper()
	known := strings.Fields("html head meta title link style body main header footer section h1 h2 p pre code ul ol li table caption thead tbody tr th td time span small b div a")
	for _, n := range elements(t, page) {
		if !slices.Contains(known, n.Data) {
			t.Errorf("%s has the element %s", name, n.Data)
		}
		for _, a := range n.Attr {
			loads := strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"src", "srcset", "style", "action", "background", "ping"}, a.Key)
			if loads || a.Key == "href" && n.Data == "link" && a.Val != "data:," {
				t.Errorf("%s: %s has %s=%q", name, n.Data, a.Key, a.Val)
			}
			if a.Key == "href" && n.Data == "a" && strings.Contains(a.Val, ":") && !regexp.MustCompile(`^https?://`).MatchString(a.Val) {
				t.Errorf("%s leads to %q", name, a.Val)
			}
		}
	}
}

func TestPagesLoadNothingAndRunNothing(t *testing.T) {
	for name, page := range pages(t) {
		harmless(t, name, page)
		var policy, css string
		for _, n := range elements(t, page) {
			if attr(n, "http-equiv") == "Content-Security-Policy" {
				policy = attr(n, "content")
			}
			if n.Data == "style" {
				css = text(n)
			}
		}
		sum := sha256.Sum256([]byte(css))
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy %q is not for its style sheet", name, policy)
		}
		if strings.Contains(css, "url(") || strings.Contains(css, "@import") {
			t.Errorf("%s: the style sheet loads something", name)
		}
	}
}

func TestPagesAreAccessible(t *testing.T) {
	for name, page := range pages(t) {
		level, titles := 0, 0
		for _, n := range elements(t, page) {
			switch n.Data {
			case "html":
				if attr(n, "lang") != "en" {
					t.Errorf("%s has no language", name)
				}
			case "title":
				titles++
			case "h1", "h2":
				if at := int(n.Data[1] - '0'); at > level+1 || at == 1 && level != 0 {
					t.Errorf("%s: %s %q follows h%d", name, n.Data, text(n), level)
				} else {
					level = at
				}
			case "table":
				if n.FirstChild.NextSibling.Data != "caption" {
					t.Errorf("%s has a table without a caption", name)
				}
			case "th":
				if attr(n, "scope") == "" || attr(n, "role") == "" {
					t.Errorf("%s: the head %q has no scope", name, text(n))
				}
			case "a":
				if strings.TrimSpace(text(n)) == "" {
					t.Errorf("%s has a link without a text", name)
				}
			}
		}
		if level == 0 || titles != 1 {
			t.Errorf("%s has %d titles, headings to level %d", name, titles, level)
		}
	}
}

// luminance and contrast as WCAG 2 defines them.
func luminance(colour string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestEveryTextColourHasEnoughContrast(t *testing.T) {
	byDay, night, found := strings.Cut(style(), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("no dark color scheme")
	}
	for name, css := range map[string]string{"day": byDay, "night": night} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			colours[m[1]] = m[2]
		}
		if len(colours) != 8 {
			t.Fatalf("%s has the colours %v", name, colours)
		}
		for _, front := range []string{"text", "dim", "link", "good", "warn"} {
			for _, back := range []string{"back", "soft"} {
				if c := contrast(colours[front], colours[back]); c < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", name, front, back, c)
				}
			}
		}
	}
}

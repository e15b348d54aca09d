package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

var update = flag.Bool("update", false, "write the golden page")

func example(t *testing.T) *results {
	t.Helper()
	r, err := read("testdata/results")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestThePageHasTheTablesOfAllResults(t *testing.T) {
	text, err := render(example(t))
	if err != nil {
		t.Fatal(err)
	}
	testtools.Golden(t, "testdata/page.golden", string(text), *update)
}

func TestThePageHasNoFigureThatWasNotMeasured(t *testing.T) {
	text, err := render(newResults())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "|") || strings.Contains(string(text), "![") {
		t.Errorf("without results the page has a table or a picture:\n%s", text)
	}
}

func TestPicturesAreXMLWithATitleOnWhite(t *testing.T) {
	r := example(t)
	for _, p := range pictures {
		svg, err := p.svg(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.svg(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(svg, again) {
			t.Errorf("%s differs when it is drawn again", p.name)
		}
		decoder := xml.NewDecoder(bytes.NewReader(svg))
		for err = nil; err == nil; {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s is no XML: %v", p.name, err)
		}
		for _, want := range []string{`role="img"`, `aria-label="` + p.title, "<title>" + p.title + "</title>", "fill:#FFFFFF", "sans-serif"} {
			if !strings.Contains(string(svg), want) {
				t.Errorf("%s lacks %s", p.name, want)
			}
		}
	}
}

func TestPicturesShowWhatTheyAreOf(t *testing.T) {
	r := example(t)
	for name, want := range map[string][]string{
		"start":  {"nodes", "seconds", "network, until Ready", "plain StatefulSet"},
		"packed": {"in shared pods", "a pod for each node", "MiB of the whole cluster"},
		"growth": {"CPU of a pass, ms", "Random, 25 in a pod", "Mesh of 3", "heap, MiB"},
		"soak":   {"minutes", "goroutines", "% of a core", "heap in use"},
	} {
		svg, err := pictures[slices.IndexFunc(pictures, func(p picture) bool { return p.name == name })].svg(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, label := range want {
			if !strings.Contains(string(svg), ">"+label+"</text>") {
				t.Errorf("%s lacks the label %s", name, label)
			}
		}
	}
}

func TestProcessorTimeBeginsAgainWithAnOperatorThatStartsAgain(t *testing.T) {
	c := usage([]fields{
		{"second": "0", "cpu": "1"}, {"second": "10", "cpu": "3"}, {"second": "20", "cpu": "0.5"}, {"second": "30", "cpu": "1.5"},
	})
	var got []float64
	for _, p := range c.points {
		got = append(got, p.Y)
	}
	if diff := cmp.Diff([]float64{20, 10}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPictureGoesWithItsResults(t *testing.T) {
	docs := t.TempDir()
	if err := os.Mkdir(filepath.Join(docs, "pictures"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write("testdata/results", docs); err != nil {
		t.Fatal(err)
	}
	start := filepath.Join(docs, "pictures/start.svg")
	if _, err := os.Stat(start); err != nil {
		t.Error(err)
	}
	if err := write(t.TempDir(), docs); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(start); !os.IsNotExist(err) {
		t.Errorf("without results the picture stays: %v", err)
	}
}

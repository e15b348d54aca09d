// Command runresult reads the result of `chart-promoter run -o json` from standard input and prints it as assignments for bash:
//
//	eval "$(go run ./ci/runresult <result.json)"
//
//	version    the version of the chart
//	image      the image that was built, with its digest
//	digest     the digest of that image
//	images     an array of all images, each with its digest, that one first
//	published  an array of "STAGE VERSION", one for each stage that the chart was promoted to
//	skipped    an array of "STAGE STEP: REASON", one for each step that was not run
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// result is the part of the JSON that is printed.
type result struct {
	Version struct {
		Chart string `json:"chartVersion"`
	} `json:"version"`
	Build struct {
		image
		// Images are all of several images.
		Images []image `json:"images"`
	} `json:"build"`
	Promoted []struct {
		Stage, Version string
	} `json:"promoted"`
	Skipped []string `json:"skipped"`
}

type image struct{ Repository, Tag, Digest string }

func (i image) ref() string { return i.Repository + ":" + i.Tag + "@" + i.Digest }

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		// The caller evaluates what is printed, and must not go on without it.
		fmt.Println("false")
		fmt.Fprintln(os.Stderr, "runresult:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var r result
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	if r.Version.Chart == "" || r.Build.Digest == "" {
		return fmt.Errorf("the result has no version or no image: %+v", r)
	}
	var published []string
	for _, p := range r.Promoted {
		published = append(published, p.Stage+" "+p.Version)
	}
	images := []string{r.Build.ref()}
	for _, i := range r.Build.Images {
		if i != r.Build.image {
			images = append(images, i.ref())
		}
	}
	_, err := fmt.Fprintf(out, "version=%s\nimage=%s\ndigest=%s\nimages=(%s)\npublished=(%s)\nskipped=(%s)\n",
		quote(r.Version.Chart), quote(r.Build.ref()), quote(r.Build.Digest), quote(images...), quote(published...), quote(r.Skipped...))
	return err
}

// quote writes words for a shell.
func quote(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

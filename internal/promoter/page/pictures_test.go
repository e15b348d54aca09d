package page

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"slices"
	"testing"
)

var pictures = flag.String("pictures", "", "directory to write the pictures of the README to; they need Chromium")

// The README shows one page in the light and one in the dark color scheme, each in its full height.
func TestPicturesOfTheREADME(t *testing.T) {
	if *pictures == "" {
		t.Skip("writes pictures with -pictures DIR only")
	}
	browser, all := chromium(t), pages(t)
	for name, p := range map[string]struct {
		page []byte
		dark bool
	}{
		"landing-page": {all["one"], false},
		"status-page":  {all["status"], true},
	} {
		_, wide := view(t, browser, p.page, p.dark)
		file := t.TempDir() + "/page.html"
		if err := os.WriteFile(file, p.page, 0o600); err != nil {
			t.Fatal(err)
		}
		scheme := "preferredColorScheme=1"
		if p.dark {
			scheme = "preferredColorScheme=0"
		}
		_, printed, err := show(t.Context(), t.TempDir, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--disable-dev-shm-usage", "--hide-scrollbars", "--blink-settings="+scheme, fmt.Sprintf("--window-size=1200,%d", wide.Height),
			"--screenshot="+file+".png", "file://"+file)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		data, err := os.ReadFile(file + ".png")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*pictures+"/"+name+".png", small(t, data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// small returns the picture with its 256 most frequent colors, in a third of the size.
func small(t *testing.T, data []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	pixels := map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			pixels[full.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(pixels), func(a, b color.Color) int {
		return cmp.Or(pixels[b]-pixels[a], cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	reduced := image.NewPaletted(full.Bounds(), colors[:min(256, len(colors))])
	draw.Draw(reduced, full.Bounds(), full, image.Point{}, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, reduced); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

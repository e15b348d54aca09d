package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tests := map[string]struct {
		values, want, wantErr string
	}{
		"a comment over two lines becomes one":       {values: "# -- First\n# second.\na: 1\n", want: "| `a` | First second. | `1` |\n"},
		"a map without a comment is gone into":       {values: "a:\n  # -- B.\n  b: \"\"\n", want: "| `a.b` | B. | `\"\"` |\n"},
		"a map with a comment is one row":            {values: "# -- A.\na:\n  b: [x]\n", want: "| `a` | A. | `{\"b\":[\"x\"]}` |\n"},
		"a bar does not end the cell":                {values: "# -- x|y\na: p|q\n", want: "| `a` | x\\|y | `\"p\\|q\"` |\n"},
		"angle brackets stay as they are":            {values: "# -- A.\na: <b>\n", want: "| `a` | A. | `\"<b>\"` |\n"},
		"a value without a comment is named":         {values: "# -- A.\na: 1\nb:\n  c: 2\n", wantErr: "line 4: b.c has no comment"},
		"an empty map without a comment is named":    {values: "a: {}\n", wantErr: "a has no comment"},
		"an ordinary comment is not documentation":   {values: "# A.\na: 1\n", wantErr: "a has no comment"},
		"a list is not a file of values":             {values: "- a\n", wantErr: "is not one map"},
		"text that is no YAML is rejected":           {values: "a: [\n", wantErr: "yaml"},
		"an ordinary comment before one is left out": {values: "# Section.\n\n# -- A.\na: 1\n", want: "| `a` | A. | `1` |\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Table([]byte(test.values))
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("error %v, want one with %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := "| value | meaning | default |\n|---|---|---|\n" + test.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	got, err := Replace([]byte("a\n"+begin+"old\n"+end+"b\n"), "new\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "a\n" + begin + "new\n" + end + "b\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"a\n", begin, end + begin} {
		if _, err := Replace([]byte(bad), "new\n"); err == nil {
			t.Errorf("%q lacks the two marks in order, and was accepted", bad)
		}
	}
}

func TestReadmeIsUpToDate(t *testing.T) {
	if err := run("../../charts/bitcoin-controller", true); err != nil {
		t.Error(err)
	}
}

//go:build linux

package agent

import "testing"

func TestTheCauseOfTheEndOfLNDIsFound(t *testing.T) {
	const info = "2026-11-29 15:00:00.000 [INF] LTND: Shutdown complete\n"
	for name, test := range map[string]struct{ output, want string }{
		"on standard error":     {info + "error creating wallet config: missing address manager namespace\n" + info, "error creating wallet config: missing address manager namespace"},
		"the last of it":        {"a\nb\n" + info, "b"},
		"an error in the log":   {"2026-11-29 15:00:00.000 [ERR] LTND: unable to connect\n" + info, "2026-11-29 15:00:00.000 [ERR] LTND: unable to connect"},
		"a critical one":        {info + "2026-11-29 15:00:00.000 [CRT] LTND: Health check\n" + info, "2026-11-29 15:00:00.000 [CRT] LTND: Health check"},
		"no error":              {info + info, "2026-11-29 15:00:00.000 [INF] LTND: Shutdown complete"},
		"nothing":               {"", ""},
		"a warning and no more": {"2026-11-29 15:00:00.000 [WRN] LTND: hm\n" + info, "2026-11-29 15:00:00.000 [INF] LTND: Shutdown complete"},
	} {
		if got := causeIn(test.output); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

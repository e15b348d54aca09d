package page

import "testing"

func TestALineHasVisibleCharactersOnly(t *testing.T) {
	for in, want := range map[string]string{
		"two\n\tlines  here ": "two lines here", "a\u202egnp.exe\u2066\u200b\x00\x1b[31mred": "agnp.exe[31mred", "ünïcödé 三": "ünïcödé 三",
		"\xff\xfe": "\ufffd\ufffd", "": "", "12345678901234567890": "12345678901234567890", "123456789012345678901": "12345678901234567890…", " \n": "",
	} {
		if got := line(20, in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}

func TestLinksAreHTTPOrRelative(t *testing.T) {
	for in, want := range map[string]string{
		"a-1.0.0.tgz": "a-1.0.0.tgz", "sub/a.tgz": "sub/a.tgz", "https://example.com/a b": "https://example.com/a%20b", "http://example.com": "http://example.com",
		"javascript:alert(1)": "", "JAVASCRIPT://x/%0aalert(1)": "", " javascript:x": "", "data:text/html,x": "", "oci://example.com/a": "", "https:a": "", "https:///a": "",
		"https://user@example.com/": "", "file:///etc/passwd": "", ":": "", "%zz": "",
	} {
		if got := link(in); got != want {
			t.Errorf("%q leads to %q, not %q", in, got, want)
		}
	}
}

package helm

import (
	"io"
	"log"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
)

var quiet sync.Mutex

// Quiet runs a function without the log lines that Helm's engine prints to the standard logger, such as the message of a template's
// `fail` while it is linted; an error is returned besides. The program itself does not use that logger. Both majors share it, so that
// only one function runs at a time.
func Quiet(f func()) {
	quiet.Lock()
	defer quiet.Unlock()
	out, structured := log.Writer(), slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // this changes the standard logger, too
	log.SetOutput(io.Discard)
	defer func() {
		slog.SetDefault(structured)
		log.SetOutput(out)
	}()
	f()
}

// LibraryKubeVersion is the version of Kubernetes that this program's client library belongs to, "" if it is not known. Helm's own
// command is linked with it; without that, Helm 3 takes 1.20.
func LibraryKubeVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if rest, ok := strings.CutPrefix(m.Version, "v0."); ok && m.Path == "k8s.io/client-go" {
			return "1." + rest
		}
	}
	return ""
}

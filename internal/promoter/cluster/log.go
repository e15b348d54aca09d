package cluster

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/log"
)

// logger passes kind's messages on; kind's default logger discards them.
type logger struct{ out func(string) }

func (l logger) line(s string) {
	if s = strings.TrimSpace(s); l.out != nil && s != "" {
		l.out(s)
	}
}

func (l logger) Warn(s string)            { l.line(s) }
func (l logger) Warnf(f string, a ...any) { l.line(fmt.Sprintf(f, a...)) }
func (l logger) Error(s string)           { l.line(s) }
func (l logger) Errorf(f string, a ...any) {
	l.line(fmt.Sprintf(f, a...))
}

// V shows what a user of the kind command sees without -v.
func (l logger) V(level log.Level) log.InfoLogger { return infoLogger{l, level == 0 && l.out != nil} }

type infoLogger struct {
	logger
	on bool
}

func (i infoLogger) Enabled() bool { return i.on }

func (i infoLogger) Info(s string) {
	if i.on {
		i.line(s)
	}
}

func (i infoLogger) Infof(f string, a ...any) { i.Info(fmt.Sprintf(f, a...)) }

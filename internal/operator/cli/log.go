package cli

import (
	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func zapLevel(level int8) zapcore.Level { return zapcore.Level(level) }

func logger(o *options) logr.Logger {
	return zap.New(zap.UseDevMode(o.logFormat == "console"), levels[o.level], zap.StacktraceLevel(zapcore.PanicLevel))
}

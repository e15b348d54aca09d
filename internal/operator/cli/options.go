package cli

import (
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// levels are the values of --log-level.
var levels = map[string]zapcore.Level{"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "error": zapcore.ErrorLevel}

// complete sets defaults and validates the flags.
func (o *options) complete() error {
	if o.nodeImage == "" {
		return errors.New("--node-image is required: set it to an image with bitcoind and bitcoin-cli")
	}
	if o.rpcAuthImage == "" {
		return errors.New("--rpcauth-image is required: set it to the operator's image")
	}
	if o.namespace == "" {
		o.namespace = "default"
	}
	if o.rpcAuthDelivery != deliveryAuto && o.rpcAuthDelivery != deliveryVolume && o.rpcAuthDelivery != deliveryInit {
		return fmt.Errorf("--rpcauth-delivery is %q, but must be %s, %s or %s", o.rpcAuthDelivery, deliveryAuto, deliveryVolume, deliveryInit)
	}
	if o.nodeAccess != accessAuto && o.nodeAccess != accessDirect && o.nodeAccess != accessForward {
		return fmt.Errorf("--node-access is %q, but must be %s, %s or %s", o.nodeAccess, accessAuto, accessDirect, accessForward)
	}
	if o.logFormat != "json" && o.logFormat != "console" {
		return fmt.Errorf("--log-format is %q, but must be json or console", o.logFormat)
	}
	if _, ok := levels[o.level]; !ok {
		return fmt.Errorf("--log-level is %q, but must be debug, info or error", o.level)
	}
	return nil
}

func logger(o *options) logr.Logger {
	return zap.New(zap.UseDevMode(o.logFormat == "console"), zap.Level(levels[o.level]), zap.StacktraceLevel(zapcore.PanicLevel))
}

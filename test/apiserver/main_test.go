package apiserver_test

import (
	"os"
	"testing"

	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

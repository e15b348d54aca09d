#!/usr/bin/env bash
# helm.sh/helm/v3 v3.22.0 and helm.sh/helm/v4 v4.3.2: an installation whose context is cancelled returns an error and records the release as
# "failed", but continues in the background of the process. When it is done, it records the same revision as "deployed".
#
# A good engineer would expect that RunWithContext has ended what it began when it returns, or that the last word on the release is that of
# the error. A program that uses the library, reports the failure and reads the release later, or installs or uninstalls the same release right
# away, works beside the first installation. Both write the same release: Go's race detector reports it.
#
# Seen, for both: "returned: context deadline exceeded", "recorded: failed", and three seconds later "recorded: deployed".
#
# Needs Go. The cluster is the one of Helm's own tests, whose objects take two seconds to be ready. Fails when the behaviour changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir three four
cat >three/main.go <<'END'
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/kube/fake"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
)

func main() {
	cfg := &action.Configuration{
		Releases:     storage.Init(driver.NewMemory()),
		KubeClient:   &fake.FailingKubeClient{PrintingKubeClient: fake.PrintingKubeClient{Out: io.Discard}, WaitDuration: 2 * time.Second},
		Capabilities: chartutil.DefaultCapabilities,
		Log:          func(string, ...any) {},
	}
	install := action.NewInstall(cfg)
	install.ReleaseName, install.Namespace, install.Wait = "app", "default", true
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := install.RunWithContext(ctx, &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "app", Version: "1.0.0"},
		Templates: []*chart.File{{Name: "templates/app.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n")}},
	}, nil)
	fmt.Println("returned:", err)
	for range 2 {
		last, err := cfg.Releases.Last("app")
		if err != nil {
			panic(err)
		}
		fmt.Println("recorded:", last.Info.Status)
		time.Sleep(3 * time.Second)
	}
}
END
cat >four/main.go <<'END'
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/kube/fake"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
)

func main() {
	cfg := action.NewConfiguration()
	cfg.Releases = storage.Init(driver.NewMemory())
	cfg.KubeClient = &fake.FailingKubeClient{PrintingKubeClient: fake.PrintingKubeClient{Out: io.Discard}, WaitDuration: 2 * time.Second}
	cfg.Capabilities = common.DefaultCapabilities
	install := action.NewInstall(cfg)
	install.ReleaseName, install.Namespace, install.WaitStrategy = "app", "default", kube.StatusWatcherStrategy
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := install.RunWithContext(ctx, &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "app", Version: "1.0.0"},
		Templates: []*common.File{{Name: "templates/app.yaml", Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n")}},
	}, nil)
	fmt.Println("returned:", err)
	for range 2 {
		last, err := cfg.Releases.Last("app")
		if err != nil {
			panic(err)
		}
		fmt.Println("recorded:", last.(*release.Release).Info.Status)
		time.Sleep(3 * time.Second)
	}
}
END
for major in three=helm.sh/helm/v3@v3.22.0 four=helm.sh/helm/v4@v4.3.2; do
  (
    cd "${major%%=*}"
    go mod init example.com/finding
    go get "${major#*=}"
    go mod tidy
    go build -o program .
  ) >"$dir/log" 2>&1 || { cat "$dir/log" >&2 && exit 2; }
  echo "${major#*=}"
  "${major%%=*}/program" 2>/dev/null | tee "$dir/seen"
  diff - "$dir/seen" <<'END' || { echo 'the behaviour has changed' >&2 && exit 1; }
returned: context deadline exceeded
recorded: failed
recorded: deployed
END
done

#!/usr/bin/env bash
# Writes every generated file: deepcopy functions, the CRD, the clients, the references in the documentation, and the files of
# the CI engines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

module=github.com/christianb93/bitcoin-controller
api=$module/pkg/apis/bitcoincontroller/v1
# The API is a module of its own.
tool() (cd pkg && exec go tool -modfile=../ci/tools/go.mod "$@")

echo "==> deepcopy and CRD"
tool controller-gen object paths=./apis/... crd \
  output:crd:dir=../charts/bitcoin-controller/files/crds

echo "==> apply configurations, clientset, listers, informers"
rm -rf pkg/client
core=k8s.io/api/core/v1
applied=k8s.io/client-go/applyconfigurations/core/v1
schema=$(mktemp)
trap 'rm -f "$schema"' EXIT
go run ./ci/openapi charts/bitcoin-controller/files/crds/*.yaml >"$schema"
tool applyconfiguration-gen --openapi-schema "$schema" --output-dir client/applyconfiguration --output-pkg "$module/pkg/client/applyconfiguration" \
  --external-applyconfigurations "$core.Affinity:$applied,$core.LocalObjectReference:$applied,$core.ResourceRequirements:$applied,$core.Toleration:$applied,$core.TopologySpreadConstraint:$applied" \
  --go-header-file /dev/null "$api"
tool client-gen --clientset-name versioned --input-base "" --input "$api" \
  --apply-configuration-package "$module/pkg/client/applyconfiguration" \
  --output-dir client/clientset --output-pkg "$module/pkg/client/clientset" --go-header-file /dev/null
tool lister-gen --output-dir client/listers --output-pkg "$module/pkg/client/listers" --go-header-file /dev/null "$api"
tool informer-gen --output-dir client/informers --output-pkg "$module/pkg/client/informers" \
  --versioned-clientset-package "$module/pkg/client/clientset/versioned" \
  --listers-package "$module/pkg/client/listers" --go-header-file /dev/null "$api"
gofmt -l -w pkg/client

echo "==> references of the conditions, the command lines, the pipeline's configuration and the chart's values"
go run ./ci/conditions pkg/apis/bitcoincontroller/v1/{conditions,events}.go >docs/conditions.md
go run ./ci/conditions -lightning pkg/apis/bitcoincontroller/v1/lightning{conditions,events}.go >docs/lightning-conditions.md
go run ./ci/docs docs/cli
go run ./ci/schema docs
go run ./ci/chartreadme

echo "==> files of the CI engines"
go run ./ci/engines .

echo "==> all messages"
go run ./ci/messages >docs/messages.txt

echo "==> page of the benchmarks"
go run -C test ./bench/page bench/results ../docs

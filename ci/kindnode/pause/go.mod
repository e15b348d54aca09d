module github.com/christianb93/bitcoin-controller/ci/kindnode/pause

go 1.26.0

//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The program of these tests is also the supervisor, its nodes, and what nodes start.
const (
	asSupervisor = "supervisor"
	asNode       = "node"
	asGrandchild = "grandchild"
)

func TestMain(m *testing.M) {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case asSupervisor:
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	case asNode:
		// A supervisor that fails the tests must leave no process behind, which would hold what it inherited open.
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
		runNode(strings.TrimPrefix(os.Args[2], "-conf="))
	case asGrandchild:
		_, _ = os.Stdin.Read(make([]byte, 1)) //nolint:errcheck // until the node that started it is gone
	default:
		os.Exit(m.Run())
	}
}

// runNode is a node that answers REST until SIGTERM. A file in its data directory states what else it does.
func runNode(path string) {
	options := map[string]string{}
	file, err := os.Open(path) //nolint:gosec // the supervisor's
	check(err)
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		key, value, _ := strings.Cut(scanner.Text(), "=")
		options[key] = value
	}
	behaviour, err := os.ReadFile(filepath.Join(options["datadir"], "behaviour"))
	if err != nil {
		behaviour = nil
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM)
	fmt.Println("started", os.Getpid(), os.Environ())
	switch string(behaviour) {
	case "fails":
		fmt.Println("Error: parse error on line 1")
		os.Exit(1)
	case "ignores SIGTERM":
		signal.Ignore(syscall.SIGTERM)
	case "starts another":
		grandchild := exec.Command(os.Args[0], asGrandchild) //nolint:gosec // this test
		_, err := grandchild.StdinPipe()
		check(err)
		check(grandchild.Start())
		fmt.Println("grandchild", grandchild.Process.Pid)
	case "prints much":
		for range 50 {
			fmt.Println("begin" + strings.Repeat("x", 100_000) + "end")
		}
		fmt.Println("printed")
	}
	if string(behaviour) != "does not answer" {
		http.HandleFunc("/rest/chaininfo.json", func(http.ResponseWriter, *http.Request) {})
		server := &http.Server{Addr: "127.0.0.1:" + options["rpcport"]} //nolint:gosec // for this test only
		go func() { check(server.ListenAndServe()) }()
	}
	<-ends
}

func check(err error) {
	if err != nil {
		fmt.Println("Error:", err)
		os.Exit(1)
	}
}

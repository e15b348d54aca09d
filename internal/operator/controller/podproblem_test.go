package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// The last output of bitcoind, as it was seen.
func TestAFailingNodeIsReportedWithItsError(t *testing.T) { //nolint:funlen // a table of real output
	const full = "; the data volume is full or cannot be written: enlarge spec.storage.size, or free space on the cluster node if spec.storage is not set"
	for name, test := range map[string]struct{ output, want string }{
		"an error, and then the shutdown": {`2026-11-28T15:36:51Z * Using 8.0 MiB for chain state database
2026-11-28T15:36:51Z [error] -maxmempool must be at least 5 MB
Error: -maxmempool must be at least 5 MB
2026-11-28T15:36:51Z Shutdown: In progress...
2026-11-28T15:36:51Z scheduler thread exit
2026-11-28T15:36:51Z Flushed fee estimates to fee_estimates.dat.
2026-11-28T15:36:51Z Shutdown: done
`, "Error: -maxmempool must be at least 5 MB"},
		"the last of several errors": {`2026-11-28T15:36:53Z [warning] Binding RPC on address 1.2.3.4 port 18443 failed (Error: Cannot assign requested address (99)).
2026-11-28T15:36:53Z [error] Unable to bind all endpoints for RPC server
2026-11-28T15:36:53Z [error] Unable to start HTTP server. See debug log for details.
Error: Unable to start HTTP server. See debug log for details.
2026-11-28T15:36:53Z Shutdown: In progress...
2026-11-28T15:36:53Z Shutdown: done`, "Error: Unable to start HTTP server. See debug log for details."},
		"an error in the log only":   {"2026-11-28T15:36:53Z [net:error] no peers\n2026-11-28T15:36:53Z Shutdown: done", "2026-11-28T15:36:53Z [net:error] no peers"},
		"an error of an old release": {"2021-05-01T10:00:00Z Error: Disk space is too low!\r\n2021-05-01T10:00:00Z Shutdown: done\r\n", "2021-05-01T10:00:00Z Error: Disk space is too low!" + full},
		"a full volume": {`2026-11-28T17:54:58Z [warning] SQLite Error. Code: 13. Message: statement aborts at 1: database or disk is full; [BEGIN EXCLUSIVE TRANSACTION]
Error: A fatal internal error occurred, see 0 for details: Disk space is too low!
./src/kernel/coinstats.cpp:157 ComputeUTXOStats: Assertion ` + "`pindex' failed." + `
2026-11-28T17:56:32Z [error] A fatal internal error occurred, see 0 for details: Disk space is too low!
2026-11-28T17:56:32Z [warning] Failed to force flush state (Disk space is too low!)`,
			"Error: A fatal internal error occurred, see 0 for details: Disk space is too low!" + full},
		"a full volume at the start": {`2026-11-28T18:38:24Z Flushed fee estimates to fee_estimates.dat.
2026-11-28T18:38:24Z Shutdown: done
Error: Settings file could not be written:
- Error: Unable to write settings file /data/regtest/settings.json.tmp
`, "Error: Settings file could not be written: - Error: Unable to write settings file /data/regtest/settings.json.tmp" + full},
		"only an error": {"Error: Unsupported logging category -debug=nonsense.\n", "Error: Unsupported logging category -debug=nonsense."},
		"an exception": {`EXCEPTION: St13runtime_error
broken
bitcoin in AppInit()
2026-11-28T15:36:53Z Shutdown: In progress...`, "EXCEPTION: St13runtime_error"},
		"no error, and the shutdown": {`2026-11-28T15:36:53Z Something is wrong with the chain
2026-11-28T15:36:53Z tor: Thread interrupt
2026-11-28T15:36:53Z torcontrol thread exit
2026-11-28T15:36:53Z Dumped mempool: 0.000s to copy, 0.000s to dump, 27 bytes dumped to file
2026-11-28T15:36:53Z Flushed fee estimates to fee_estimates.dat.
2026-11-28T15:36:53Z Shutdown: done`, "2026-11-28T15:36:53Z Something is wrong with the chain"},
		"an error before its line in the log": {`2026-11-28T17:47:27Z SetNetworkActive: true
Error: Cannot resolve -externalip address: 'nonsense..x'
2026-11-28T17:47:27Z [error] Cannot resolve -externalip address: 'nonsense..x'
2026-11-28T17:47:27Z Shutdown: In progress...
2026-11-28T17:47:27Z Shutdown: done`, "Error: Cannot resolve -externalip address: 'nonsense..x'"},
		"the log between the parts of an error": {`2026-11-28T17:40:26Z [error] Invalid netmask specified in -whitelist: 'nonsense'
Error: 2026-11-28T17:40:26Z Failed to open mempool file. Continuing anyway.
2026-11-28T17:40:26Z initload thread exit
Invalid netmask specified in -whitelist: 'nonsense'
2026-11-28T17:40:26Z Shutdown: In progress...
2026-11-28T17:40:26Z scheduler thread exit
2026-11-28T17:40:26Z Writing 0 mempool transactions to file...
2026-11-28T17:40:26Z Writing 0 unbroadcast transactions to file.
2026-11-28T17:40:26Z Writing 0 mempool prioritizations to file...
2026-11-28T17:40:26Z Dumped mempool: 0.000s to copy, 0.001s to dump, 27 bytes dumped to file
2026-11-28T17:40:26Z Flushed fee estimates to fee_estimates.dat.
2026-11-28T17:40:26Z Shutdown: done`, "2026-11-28T17:40:26Z [error] Invalid netmask specified in -whitelist: 'nonsense'"},
		"an error that follows from another": {`2026-11-28T17:47:13Z [error] A fatal internal error occurred, see debug.log for details: Disk space is too low!
2026-11-28T17:47:13Z [error] LoadGenesisBlock: writing genesis block to disk failed
2026-11-28T17:47:13Z [error] Error initializing block database
Error: A fatal internal error occurred, see debug.log for details: Disk space is too low!
Error: Error initializing block database
2026-11-28T17:47:13Z Shutdown: In progress...
2026-11-28T17:47:13Z Shutdown: done`, "Error: A fatal internal error occurred, see debug.log for details: Disk space is too low!" + full},
		"an error after the shutdown": {`2026-11-28T17:40:25Z [error] User Agent comment (a/b) contains unsafe characters.
2026-11-28T17:40:25Z Shutdown: done
Error: User Agent comment (a/b) contains unsafe characters.
`, "Error: User Agent comment (a/b) contains unsafe characters."},
		"a damaged chain state": {`2026-11-28T17:47:17Z [error] Fatal LevelDB error: Corruption: no meta-nextfile entry in descriptor
2026-11-28T17:47:17Z You can use -debug=leveldb to get more complete diagnostic messages
2026-11-28T17:47:17Z [error] Fatal LevelDB error: Corruption: no meta-nextfile entry in descriptor
2026-11-28T17:47:17Z : Error opening coins database.
Please restart with -reindex or -reindex-chainstate to recover.
2026-11-28T17:47:17Z Shutdown: In progress...
2026-11-28T17:47:17Z scheduler thread exit
2026-11-28T17:47:17Z Flushed fee estimates to fee_estimates.dat.
2026-11-28T17:47:17Z Shutdown: done`, "2026-11-28T17:47:17Z [error] Fatal LevelDB error: Corruption: no meta-nextfile entry in descriptor"},
		"an option of the network": {`2026-11-28T17:47:16Z [error] Failed to initialize ChainstateManager: The blocksdir XOR-key can not be disabled when a random key was already stored!
2026-11-28T17:47:16Z Shutdown: In progress...
Error: Failed to initialize ChainstateManager: The blocksdir XOR-key can not be disabled when a random key was already stored!
2026-11-28T17:47:16Z scheduler thread exit
2026-11-28T17:47:16Z Shutdown: done`, "Error: Failed to initialize ChainstateManager: The blocksdir XOR-key can not be disabled when a random key was already stored!"},
		"the shutdown only": {"2026-11-28T15:36:53Z Shutdown: In progress...\n2026-11-28T15:36:53Z Shutdown: done\n", "2026-11-28T15:36:53Z Shutdown: done"},
		"another program":   {"rpcauth: BC_RPC_USER is empty\n", "rpcauth: BC_RPC_USER is empty"},
	} {
		status := waiting(resources.ContainerName, "CrashLoopBackOff", "back-off")
		status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Message: test.output}
		want := "the last run ended with exit code 1, after 0 restarts: " + test.want + "; see kubectl logs --previous"
		if got := problems.LastTermination(status); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

package command

import "syscall"

// prSetDumpable is an option of prctl(2).
const prSetDumpable = 4

// hideProcess keeps other processes of this user, such as tests, from reading the environment and the memory of this one, where keys
// and tokens are. It does not keep root from it. A program that this process starts is not affected.
func hideProcess() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0)
}

//go:build !linux

package command

// hideProcess does nothing: other systems show a process's environment to its user only, or to no one.
func hideProcess() {}

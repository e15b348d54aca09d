//go:build !linux

package testrun

// HideProcess does nothing: other systems show a process's environment to its user only, or to no one.
func HideProcess() {}

// Package apimodule tests the module in pkg the way its users see it: its dependencies, a program that imports it, and the fake
// clientset. It has tests only.
package apimodule

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "accuracy: needs Linux: its server waits on epoll and is stopped by signals; use a machine or a container with Linux")
	os.Exit(2)
}

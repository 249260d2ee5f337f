// Command harness measures with benchmark plugins, under one clock, one load
// model and one resource sampler.
//
// Each command has a file: an options struct, its flags, and a function that
// runs it. What they do is in the packages under internal.
package main

import (
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Stdout, os.Stderr, os.Args[1:]))
}

// run is the program. stdout carries the result, stderr everything else.
func run(stdout, stderr io.Writer, args []string) int {
	app, err := newApp(stdout, stderr)
	if err == nil {
		root := newRoot(app)
		root.SetArgs(args)
		err = root.Execute()
	}
	return exitCode(stderr, err)
}

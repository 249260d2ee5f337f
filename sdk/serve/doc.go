// Package serve is what the main of a plugin calls: it serves the registered
// plugin to the harness that started it.
//
// As a program it owns the process: the handshake on stdout, the gRPC server
// on a unix socket, the lifeline (the process ends when its harness does) and
// the tear down of whatever is still prepared. What the calls do is in
// server.go.
//
// Built for GOOS=wasip1 as c-shared it is the exports of package abi: main is
// never called, and harness, which holds the module, drives the ops.
package serve

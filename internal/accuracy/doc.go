// Command accuracy measures harness: it runs the built binary against servers
// whose latencies, freezes and queues are known and stamped by themselves, and
// compares what harness reports with what was. It exits with 1 if a check
// fails, and prints every figure that it compared.
//
// It then breaks harness on purpose, in a copy of its source, and fails unless
// the checks find it. It shows other load generators on the same server where
// they are installed, and judges none of them.
//
// It is not a test of the code: sdk/loop has those, on a virtual clock.
package main

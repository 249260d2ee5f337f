// Package system measures the machine itself: its utilisation while something
// else runs (monitor), and native micro-measurements of CPU, memory, files and
// the loopback network. They are small, checked and quick. They are made to
// notice that a machine has changed or differs from another, not to replace a
// benchmark suite for hardware.
//
// Every op checks its own result: the CPU kernel against closed formulas, the
// memory kernels and files against what was written, the network against the
// bytes sent.
package system

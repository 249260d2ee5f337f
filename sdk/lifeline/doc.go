// Package lifeline makes sure that no process outlives the one that started it.
//
// A parent can be killed in a way that gives it no chance to clean up
// (SIGKILL, the out-of-memory killer, a crash), so the end of the parent has to
// be noticed from the outside. There are three ways, for three kinds of child:
//
//   - A program that imports this package holds the read end of a pipe whose
//     only write end is in the parent. The kernel closes that end however the
//     parent dies, and the child reads end of file. Parent: [Attach]. Child:
//     [Watch] or [Context]. It works on every unix, and lets the child clean
//     up and take its own process group with it.
//   - A program that does not, on Linux: [Start] asks the kernel for a signal
//     at the death of the parent, and keeps alive the thread which that
//     request is tied to.
//   - A program that does not, elsewhere: [Supervise] puts a small shell beside
//     it that holds the pipe in its place. [StartForeign] picks between these
//     two by system.
//
// The package starts, watches and ends processes. It is no supervisor in the
// sense of restarting anything, sets no resource limits, and does not say what
// a child does between noticing the end and exiting.
package lifeline

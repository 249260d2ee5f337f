// Package actions is what a job of GitHub Actions knows of itself, and how it
// talks back: the context from the environment and the event's payload, the
// job's summary, its outputs, and workflow commands.
//
// It reads and writes files and sends nothing. A payload is GitHub's, but names
// in it are chosen by whoever opens a pull request: they are checked here and
// must still never reach a shell.
package actions

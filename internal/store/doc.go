// Package store keeps files whole: it replaces them atomically, guards a
// folder against a second writer, keeps baselines with backups of what they
// replaced, and says which folders are harness's own.
//
// It knows the run document only as something to encode and decode. What is
// in it is package result's, and what to do about a file that cannot be
// written is the caller's: the errors name the path and the remedy.
package store

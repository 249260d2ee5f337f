// Package hub is the bot's client of GitHub: comments, check runs and commit
// statuses, pull requests, files, artifacts. It wraps go-github, whose types
// end here.
//
// What it adds is that a call may fail at any point. Reads are repeated; a
// write is repeated only after a read has shown that it did not happen. Limits
// are waited for, within a bound. Every error is one line that says what was
// being done and what a person can do about it, and never holds a secret. What
// the server sends is taken for hostile: sizes have limits, and a token goes to
// the API's own host alone.
//
// It is not where the bot decides anything: what to say is ci/body's, when to
// say it is the caller's.
package hub

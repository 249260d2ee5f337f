// Package body writes everything that the bot says in text: the comment on a
// pull request, the job summary, the output of a check run, and what goes to
// Slack and to webhooks.
//
// Its functions are pure: documents in, text out, the same for the same
// documents. Nothing here talks to a network, reads the environment or judges
// a number. Every name and sentence of a document is taken for hostile, see
// [Code] and [Prose].
package body

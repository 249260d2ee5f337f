package body

import "github.com/benchharness/harness/internal/result"

// maxText is the length in bytes of the longest text from a document.
const maxText = 400

// plain makes text of a document safe where there is no markup: one line of
// visible characters in the order in which they are written.
func plain(s string) string { return result.Printable(s, maxText) }

// Code makes any text a code span of markdown: safe inside a line, a heading, a
// list and a table's cell.
func Code(s string) string { return "`" + plain(s) + "`" }

// Prose makes any text safe inside a line of markdown, a heading, a list and a
// table's cell. Words that could be anything but words become code spans.
func Prose(s string) string { return Code(s) }

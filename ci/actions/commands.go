package actions

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Error prints an error that GitHub shows on the run's page. Neither title nor
// message can start another command. A title of "" is none.
func Error(w io.Writer, title, message string) { command(w, "error", title, message) }

// Text prints a text of strangers to a job's log, without any line of it being
// taken for a command.
func Text(w io.Writer, text string) error {
	word := rand.Text()
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	_, err := fmt.Fprintf(w, "::stop-commands::%s\n%s::%s::\n", word, text, word)
	return err
}

// Quiet makes a line that may hold a stranger's words none that the runner takes
// for a command: those begin with :: behind white space, or hold ##[ anywhere.
// Source: actions/runner, ActionCommand.
func Quiet(line string) string {
	line = strings.ReplaceAll(line, "##[", "## [")
	rest := strings.TrimLeftFunc(line, unicode.IsSpace)
	if after, ok := strings.CutPrefix(rest, "::"); ok {
		return line[:len(line)-len(rest)] + ": :" + after
	}
	return line
}

// data and property are how the runner reads a command's message and its
// properties back. Source: github.com/actions/toolkit, packages/core, and
// actions/runner, ActionCommand.
var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func command(w io.Writer, name, title, message string) {
	if title != "" {
		name += " title=" + property.Replace(title)
	}
	fmt.Fprintf(w, "::%s::%s\n", name, data.Replace(message))
}

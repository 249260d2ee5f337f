package actions

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
)

// MaxSummary is the largest summary of a step that GitHub takes, in bytes.
const MaxSummary = 1 << 20

// ErrSummaryTooLarge is AppendSummary's error where the step's summary would
// grow beyond MaxSummary.
var ErrSummaryTooLarge = fmt.Errorf("the job summary would be larger than %d bytes", MaxSummary)

// AppendSummary adds markdown to the job's summary, as a part of its own. The
// file is the Context's StepSummary. Where it would grow beyond MaxSummary
// nothing is written, as GitHub would drop the whole.
func AppendSummary(file, markdown string) error {
	return appendTo(file, "job summary", func(size int64) (string, error) {
		text := strings.TrimRight(markdown, "\n") + "\n"
		if size > 0 {
			text = "\n" + text
		}
		if size+int64(len(text)) > MaxSummary {
			return "", ErrSummaryTooLarge
		}
		return text, nil
	})
}

// SetOutput sets an output of the step. The value may be any text: it stands
// between two lines that cannot occur in it. A name consists of letters,
// digits, '-' and '_'.
func SetOutput(file, name, value string) error {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return fmt.Errorf("output %q: want a name of letters, digits, - and _", name)
	}
	return appendTo(file, "output "+name, func(int64) (string, error) {
		return heredoc(name, value, "harness_"+rand.Text())
	})
}

// heredoc writes a value between two lines of a word.
func heredoc(name, value, word string) (string, error) {
	if strings.Contains(value, word) {
		return "", errors.New("the value holds the word that ends it")
	}
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", name, word, value, word), nil
}

// appendTo adds a text to one of the files that the runner reads after a step.
func appendTo(file, what string, text func(size int64) (string, error)) error {
	if file == "" {
		return fmt.Errorf("write the %s: this is no job of Actions", what)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the %s: %w", what, err)
	}
	info, err := f.Stat()
	if err == nil {
		var s string
		if s, err = text(info.Size()); err == nil {
			_, err = f.WriteString(s)
		}
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the %s: %w", what, err)
	}
	return nil
}

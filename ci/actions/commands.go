package actions

import (
	"errors"
	"io"
)

// MaxSummary is the largest summary of a step that GitHub takes, in bytes.
const MaxSummary = 1 << 20

var errUnfinished = errors.New("not built yet")

// AppendSummary adds markdown to the job's summary. The file is the Context's
// StepSummary. More than MaxSummary in all is an error, and nothing is written:
// GitHub would drop the whole summary.
func AppendSummary(file, markdown string) error { return errUnfinished }

// SetOutput sets an output of the step. The value may hold any text: it stands
// between two lines that cannot occur in it.
func SetOutput(file, name, value string) error { return errUnfinished }

// Error prints an error that GitHub shows on the run's page. Neither title nor
// message can start another command.
func Error(w io.Writer, title, message string) {}

// Warning is like Error.
func Warning(w io.Writer, title, message string) {}

// Notice is like Error.
func Notice(w io.Writer, title, message string) {}

// Mask has a secret replaced by *** in the job's log.
func Mask(w io.Writer, secret string) {}

// Text prints a text of strangers to a job's log, without any line of it being
// taken for a command.
func Text(w io.Writer, text string) error { return errUnfinished }

package sdk

import (
	"errors"
	"fmt"
)

// ClassUnclassified is the class of an op's error that nobody classified.
const ClassUnclassified = "error"

type opError struct {
	class string
	err   error
}

func (e *opError) Error() string { return e.err.Error() }
func (e *opError) Unwrap() error { return e.err }

// Classify puts an op's error into a class, such as "http_503" or
// "wrong_dimension". Classes are counted and shown; keep them few.
func Classify(class string, err error) error {
	if err == nil {
		return nil
	}
	return &opError{class: class, err: err}
}

// Class returns the class of an op's error: that of the outermost [Classify],
// or [ClassUnclassified].
func Class(err error) string {
	var e *opError
	if errors.As(err, &e) {
		return e.class
	}
	return ClassUnclassified
}

// FatalError is an op's error after which its worker can do no more.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }
func (e *FatalError) Unwrap() error { return e.Err }

// Fatal marks an op's error as one that ends the round, which then fails with
// it: the worker is broken, and what it does next would be no measurement.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return &FatalError{Err: err}
}

// NotMeasuredError says that a scenario cannot be measured here for a reason
// that is nobody's failure: an optional prerequisite is absent.
type NotMeasuredError struct {
	Reason string // "no endpoint for phi-3-mini"
	Remedy string // "set target … in harness.yaml"
}

func (e *NotMeasuredError) Error() string {
	return fmt.Sprintf("not measured: %s; %s", e.Reason, e.Remedy)
}

// NotMeasured makes a [NotMeasuredError].
func NotMeasured(reason, remedy string) error {
	return &NotMeasuredError{Reason: reason, Remedy: remedy}
}

// ParamError says that a parameter under `with:` is wrong.
type ParamError struct {
	Param   string // name, dotted for nested ones
	Problem string // "is -3, want 1 or more"
}

func (e *ParamError) Error() string { return fmt.Sprintf("parameter %q %s", e.Param, e.Problem) }

// BadParam makes a [ParamError].
func BadParam(param, format string, args ...any) error {
	return &ParamError{Param: param, Problem: fmt.Sprintf(format, args...)}
}

// TargetError says that the target cannot be measured: it is down, refuses
// the credentials, or holds something other than expected.
type TargetError struct {
	Target string // name and address, without secrets
	Err    error
	Remedy string
}

func (e *TargetError) Error() string {
	s := fmt.Sprintf("target %s: %v", e.Target, e.Err)
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

func (e *TargetError) Unwrap() error { return e.Err }

// TargetDown makes a [TargetError].
func TargetDown(target string, err error, remedy string) error {
	return &TargetError{Target: target, Err: err, Remedy: remedy}
}

package wire

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// ErrorToStatus turns an error of a benchmark's code into a gRPC status that
// keeps apart what [sdk.NotMeasured], [sdk.BadParam] and [sdk.TargetDown] say.
func ErrorToStatus(err error) error {
	if err == nil {
		return nil
	}
	code, problem := codes.Unknown, &pluginv1.Problem{Message: err.Error()}
	var notMeasured *sdk.NotMeasuredError
	var param *sdk.ParamError
	var target *sdk.TargetError
	switch {
	case errors.As(err, &notMeasured):
		code = codes.FailedPrecondition
		problem = &pluginv1.Problem{Kind: pluginv1.Problem_KIND_NOT_MEASURED, Message: notMeasured.Reason, Remedy: notMeasured.Remedy}
	case errors.As(err, &param):
		code = codes.InvalidArgument
		problem = &pluginv1.Problem{Kind: pluginv1.Problem_KIND_PARAM, Subject: param.Param, Message: param.Problem}
	case errors.As(err, &target):
		code = codes.Unavailable
		problem = &pluginv1.Problem{Kind: pluginv1.Problem_KIND_TARGET, Subject: target.Target, Message: target.Err.Error(), Remedy: target.Remedy}
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	}
	for _, t := range []*string{&problem.Message, &problem.Remedy, &problem.Subject} {
		*t = text(*t)
	}
	st := status.New(code, text(err.Error()))
	if detailed, derr := st.WithDetails(problem); derr == nil {
		st = detailed
	}
	return st.Err()
}

// ErrorFromStatus is the inverse of [ErrorToStatus]. Errors that carry no
// [pluginv1.Problem] come back unchanged.
func ErrorFromStatus(err error) error {
	st, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	for _, d := range st.Details() {
		p, ok := d.(*pluginv1.Problem)
		if !ok {
			continue
		}
		switch p.GetKind() {
		case pluginv1.Problem_KIND_NOT_MEASURED:
			return sdk.NotMeasured(p.GetMessage(), p.GetRemedy())
		case pluginv1.Problem_KIND_PARAM:
			return &sdk.ParamError{Param: p.GetSubject(), Problem: p.GetMessage()}
		case pluginv1.Problem_KIND_TARGET:
			return sdk.TargetDown(p.GetSubject(), errors.New(p.GetMessage()), p.GetRemedy())
		case pluginv1.Problem_KIND_UNSPECIFIED:
			return errors.New(p.GetMessage())
		}
	}
	return err
}

package vector

import (
	"context"
	"errors"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
)

// Classes of answers that came and are wrong.
const (
	classTooFew    = "too_few_hits"
	classTooMany   = "too_many_hits"
	classDuplicate = "duplicate_id"
	classBadScore  = "bad_score"
	classBadOrder  = "bad_order"
)

// codeClasses are the codes with a name that says more than gRPC's.
var codeClasses = map[codes.Code]string{
	codes.Unavailable:       "grpc_unavailable",
	codes.NotFound:          "not_found",
	codes.Unauthenticated:   "unauthenticated",
	codes.PermissionDenied:  "unauthenticated",
	codes.DeadlineExceeded:  "timeout",
	codes.Canceled:          "cancelled",
	codes.ResourceExhausted: "resource_exhausted",
	codes.InvalidArgument:   "bad_request",
	codes.Unimplemented:     "grpc_unimplemented",
	codes.Internal:          "grpc_internal",
}

// classify puts the error of a call into a class.
func classify(err error) error { return sdk.Classify(class(err), err) }

func class(err error) string {
	// The server says it in words only, and not always under the same code.
	if text := strings.ToLower(err.Error()); strings.Contains(text, "vector dimension error") {
		return "wrong_dimension"
	}
	code := codeOf(err)
	if name, ok := codeClasses[code]; ok {
		return name
	}
	if code == codes.Unknown {
		return sdk.ClassUnclassified
	}
	return "grpc_" + strings.ToLower(code.String())
}

// codeOf finds the code under whatever the client wrapped around it.
func codeOf(err error) codes.Code {
	var (
		exhausted *qdrant.QdrantResourceExhaustedError
		graded    interface{ GRPCStatus() *status.Status }
	)
	switch {
	case errors.As(err, &graded):
		return graded.GRPCStatus().Code()
	case errors.As(err, &exhausted):
		return codes.ResourceExhausted
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	return codes.Unknown
}

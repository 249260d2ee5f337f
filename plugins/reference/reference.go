// Package reference starts the reference stack: the target that harness
// brings along, so that a bare machine has something real to measure.
//
// It is the one way into plugins/internal from outside plugins. It composes
// the parts and says where they listen; what they do is theirs. Nothing in it
// poses as somebody else's product: provenance says "harness reference".
package reference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/benchharness/harness/plugins/internal/qdrantserver"
	"github.com/benchharness/harness/sdk"
)

// Options say which parts to start. Port 0 takes a free one.
type Options struct {
	Components   []string // kinds of target: sdk.TargetVector, sdk.TargetService, sdk.TargetPostgres
	Host         string   // address to listen on; default 127.0.0.1
	HTTPPort     int      // of the service's REST and GraphQL
	GRPCPort     int      // of the service's gRPC
	VectorPort   int      // of the vector index
	PostgresPort int
	TCP          bool   // PostgreSQL listens on TCP too, with a password in its DSN
	Faults       string // of the service, as service.ParseFaults reads them
	SwitchFaults bool   // POST /faults changes them while it serves
	ModelDir     string // real weights for the service's encoder
	Seed         uint64 // of random weights and vectors
	RunID        string
	Dir          string // for files; default the system's temporary folder
	Journal      sdk.Journal
	Log          *slog.Logger
}

// Component is one part that serves.
type Component struct {
	Target     sdk.Target
	Provenance map[string]string
}

// Stack is what was started.
type Stack struct {
	components []Component
	closers    []func(context.Context) error
	down       chan error
}

// Components returns the parts in the order they were asked for.
func (s *Stack) Components() []Component { return slices.Clone(s.components) }

// Down gets an error when a part stops serving that was not asked to.
func (s *Stack) Down() <-chan error { return s.down }

// isDown tells of the first part that stops; one is enough.
func (s *Stack) isDown(err error) {
	select {
	case s.down <- err:
	default:
	}
}

// Close stops the parts, the last one first. ctx bounds it.
func (s *Stack) Close(ctx context.Context) error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c(ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Up starts the parts and returns when all of them serve. A part that this
// machine cannot give is a [sdk.NotMeasuredError].
func Up(ctx context.Context, o Options) (*Stack, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	start := map[string]func(context.Context, *Stack, Options) (Component, error){
		sdk.TargetVector: startVector, sdk.TargetService: startService, sdk.TargetPostgres: startPostgres,
	}
	s := &Stack{down: make(chan error, 1)}
	for _, kind := range o.Components {
		f, ok := start[kind]
		if !ok {
			return nil, errors.Join(fmt.Errorf("unknown component %q of the reference stack: want %s, %s or %s",
				kind, sdk.TargetVector, sdk.TargetService, sdk.TargetPostgres), s.Close(ctx))
		}
		c, err := f(ctx, s, o)
		if err != nil {
			return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
		c.Target.Name, c.Target.Kind, c.Target.Reference = "reference", kind, true
		s.components = append(s.components, c)
	}
	return s, nil
}

// listen opens a port, or says in one line why it cannot.
func listen(o Options, port int, what, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(o.Host, fmt.Sprint(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d for the %s is taken: end who listens there, or choose another with --%s", port, what, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the %s: %w", what, err)
	}
	return l, nil
}

// background runs serve until the stack closes, which waits for its end.
func (s *Stack) background(what string, serve func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var result error
	wg.Go(func() {
		if result = serve(ctx); result != nil && ctx.Err() == nil {
			s.isDown(fmt.Errorf("the %s stopped serving: %w", what, result))
		}
	})
	s.closers = append(s.closers, func(context.Context) error {
		cancel()
		wg.Wait()
		if result != nil && !errors.Is(result, context.Canceled) {
			return fmt.Errorf("stop the %s: %w", what, result)
		}
		return nil
	})
}

func startVector(_ context.Context, s *Stack, o Options) (Component, error) {
	l, err := listen(o, o.VectorPort, "vector index", "vector-port")
	if err != nil {
		return Component{}, err
	}
	s.background("vector index", func(ctx context.Context) error {
		return qdrantserver.Serve(ctx, qdrantserver.Options{Listener: l})
	})
	return Component{
		Target: sdk.Target{URL: "http://" + l.Addr().String()},
		Provenance: map[string]string{
			"target": "harness reference", "engine": "harness HNSW index (Go) behind Qdrant's gRPC protocol",
		},
	}, nil
}

// oneLine makes one line of a text with several.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

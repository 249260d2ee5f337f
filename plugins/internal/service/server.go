package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graph-gophers/graphql-go"
	"google.golang.org/grpc"
)

// Options say what a service serves and where.
type Options struct {
	// Embedder and Index are what the service is in front of. Both are wanted.
	Embedder Embedder
	Index    Index
	// HTTPListener and GRPCListener are the listeners to serve on; either may
	// be nil. [Server.Serve] closes them.
	HTTPListener, GRPCListener net.Listener
	// Collection is what a search without a collection's name uses; "" makes
	// the name required.
	Collection string
	// Faults are in force from the start; nil for none.
	Faults *Faults
	// FaultsEndpoint lets POST /faults switch them.
	FaultsEndpoint bool
	// Parallel is how many requests are encoded at a time; 0 means one for
	// each usable core.
	Parallel int
	// Grace is how long requests in flight may run on after a stop; 0 means
	// 3 s. What is left then is cut off.
	Grace time.Duration
	// Log gets what went wrong inside; nil discards it.
	Log *slog.Logger
}

// Server is a retrieval service.
type Server struct {
	opts    Options
	backend *backend
	schema  *graphql.Schema
	faults  atomic.Pointer[Faults]
	log     *slog.Logger
	handler http.Handler
}

// New returns a service that is not serving yet.
func New(opts Options) (*Server, error) {
	if opts.Embedder == nil || opts.Index == nil {
		return nil, errors.New("new retrieval service: an embedder and an index are wanted")
	}
	if opts.Parallel <= 0 {
		opts.Parallel = runtime.GOMAXPROCS(0)
	}
	if opts.Grace <= 0 {
		opts.Grace = 3 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	b := &backend{
		embedder: opts.Embedder, index: opts.Index, fallback: opts.Collection,
		slots: make(chan struct{}, opts.Parallel),
	}
	schema, err := newSchema(b)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, backend: b, schema: schema, log: opts.Log}
	s.faults.Store(opts.Faults)
	s.handler = s.routes()
	return s, nil
}

// Handler returns the REST and GraphQL endpoints.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve serves until ctx ends, then stops: no new connection is taken, the
// requests in flight have Options.Grace to finish, and what is left is cut
// off. It returns nil after a stop that was asked for, and otherwise why a
// listener stopped. Listeners and connections are closed when it returns.
func Serve(ctx context.Context, opts Options) error {
	s, err := New(opts)
	if err != nil {
		return err
	}
	return s.Serve(ctx)
}

// Serve is the function Serve for a service made by [New]. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	run := func(i int, l net.Listener, serve func(context.Context, net.Listener) error) {
		if l == nil {
			return
		}
		wg.Go(func() {
			errs[i] = serve(ctx, l)
			cancel() // one of them down takes the other with it
		})
	}
	run(0, s.opts.HTTPListener, s.serveHTTP)
	run(1, s.opts.GRPCListener, s.serveGRPC)
	<-ctx.Done()
	wg.Wait()
	return errors.Join(errs...)
}

// serveHTTP serves HTTP/1.1 and HTTP/2 with prior knowledge on one listener.
func (s *Server) serveHTTP(ctx context.Context, l net.Listener) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{
		Handler:           s.handler,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000},
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Grace)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		_ = srv.Close() // the grace is over: connections still open are cut
	}
	<-done
	return nil
}

func (s *Server) serveGRPC(ctx context.Context, l net.Listener) error {
	g := s.newGRPC()
	done := make(chan error, 1)
	go func() { done <- g.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve gRPC on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stopGRPC(g, s.opts.Grace)
	<-done
	return nil
}

// stopGRPC lets the calls in flight finish for as long as grace, then cuts
// them off.
func stopGRPC(g *grpc.Server, grace time.Duration) {
	force := time.AfterFunc(grace, g.Stop)
	defer force.Stop()
	g.GracefulStop()
}

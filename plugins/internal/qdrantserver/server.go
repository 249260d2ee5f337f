// Package qdrantserver answers Qdrant's gRPC protocol (collections, points and
// health, as of version 1.17) from an index in memory, so that any Qdrant
// client has something to talk to on a machine where nothing is installed.
//
// It is the harness reference index, says so in its health reply, and is not
// Qdrant: one unnamed dense vector for each point, nothing on disk, no
// snapshots, aliases, shards, quantisation, sparse vectors or recommendations.
// What it does not do it refuses with codes.Unimplemented, by name; it never
// answers differently from what was asked.
package qdrantserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

// What the health reply says. Version is the protocol's, so that clients which
// compare versions find what they expect; the suffix keeps it from passing for
// a release of Qdrant.
const (
	Title   = "harness reference"
	Version = "1.17.1-harness-reference"
)

// MaxMessage is the largest request and response, in bytes.
const MaxMessage = 64 << 20

// shutdownGrace is how long a stopping server waits for calls in flight.
const shutdownGrace = 5 * time.Second

// Options are what a server can be told. The zero value serves anybody.
type Options struct {
	// Listener is where Serve accepts connections; Serve closes it.
	Listener net.Listener
	// APIKey, if set, must come with every call but the health check, as the
	// metadata "api-key" or as a bearer token.
	APIKey string
	// IndexWorkers is how many goroutines link vectors in each collection.
	// 0 means one for each processor.
	IndexWorkers int
}

// Server holds collections. Make it with New and end it with Close.
type Server struct {
	opts Options
	// beforeBuild, if a test sets it, runs before each round of linking.
	beforeBuild func(context.Context)

	mu          sync.RWMutex
	collections map[string]*collection
	closed      bool
}

// New gives a server without collections, for Register. It ignores
// opts.Listener.
func New(opts Options) *Server {
	return &Server{opts: opts, collections: map[string]*collection{}}
}

// Register adds Qdrant's four services to reg. The grpc.Server behind it needs
// the options of ServerOptions.
func (s *Server) Register(reg grpc.ServiceRegistrar) {
	qdrant.RegisterQdrantServer(reg, healthService{})
	qdrant.RegisterCollectionsServer(reg, collectionsService{server: s})
	qdrant.RegisterPointsServer(reg, pointsService{server: s})
	qdrant.RegisterSnapshotsServer(reg, qdrant.UnimplementedSnapshotsServer{})
}

// ServerOptions are what a grpc.Server needs to serve s: the limit on messages,
// the check of the key, and patience with clients that send a keepalive every
// few seconds, as Qdrant's do; gRPC's default would cut them off.
func (s *Server) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(s.checkUnary),
		grpc.ChainStreamInterceptor(s.checkStream),
	}
}

// Close ends all indexing and forgets every collection.
func (s *Server) Close() {
	s.mu.Lock()
	collections := s.collections
	s.collections, s.closed = map[string]*collection{}, true
	s.mu.Unlock()
	for _, c := range collections {
		c.stop()
	}
}

// Serve answers on opts.Listener, with server reflection, until ctx is done,
// then lets the calls in flight finish for up to five seconds. It returns nil
// after that, or why it could not serve.
func Serve(ctx context.Context, opts Options) error {
	if opts.Listener == nil {
		return errors.New("serve reference index: no listener given")
	}
	s := New(opts)
	defer s.Close()
	srv := grpc.NewServer(s.ServerOptions()...)
	s.Register(srv)
	reflection.Register(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(opts.Listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve reference index on %s: %w", opts.Listener.Addr(), err)
	case <-ctx.Done():
	}
	force := time.AfterFunc(shutdownGrace, srv.Stop)
	defer force.Stop()
	srv.GracefulStop()
	<-served
	return nil
}

// collection finds a collection or gives the error that Qdrant would.
func (s *Server) collection(name string) (*collection, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.collections[name]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
	}
	return c, nil
}

func (s *Server) names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.collections))
	for name := range s.collections {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type healthService struct {
	qdrant.UnimplementedQdrantServer
}

func (healthService) HealthCheck(context.Context, *qdrant.HealthCheckRequest) (*qdrant.HealthCheckReply, error) {
	return &qdrant.HealthCheckReply{Title: Title, Version: Version}, nil
}

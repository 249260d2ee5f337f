package vector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/benchharness/harness/sdk"
)

// maxMessage bounds requests and responses, in bytes. Uploads and scrolls stay
// far below it.
const maxMessage = 64 << 20

// Bounds of calls in the set-up: of the first one, which finds out whether
// anything is there, and of a query where ops have no time limit.
const (
	longestCheck = 10 * time.Second
	longestCall  = time.Minute
)

// defaultPort is that of Qdrant's gRPC.
const defaultPort = 6334

// server is the system under test and the connections to it.
type server struct {
	client  *qdrant.Client
	label   string // name and address, without secrets
	title   string // what it says it is
	version string
}

// dial makes the client. It opens no connection yet.
func dial(t sdk.Target, connections int, insecure bool) (*server, error) {
	name := t.Name
	if name == "" {
		name = "vector"
	}
	u, err := parseURL(t.URL)
	if err != nil {
		return nil, sdk.TargetDown(name, err, "want http://host:port or https://host:port of its gRPC port, usually 6334")
	}
	port := defaultPort
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return nil, sdk.TargetDown(name, fmt.Errorf("its url has port %q", p), "want a port from 1 to 65535")
		}
	}
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	config := &qdrant.Config{
		Host: host, Port: port, PoolSize: uint(max(connections, 1)),
		UseTLS:    u.Scheme == "https",
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}, // as the config asks
		// The check costs a call and writes to a log that nobody chose.
		SkipCompatibilityCheck: true,
		// A stall of the server is a latency to be measured, not a reason to
		// hang up: the op's own time limit ends the wait.
		KeepAliveTime: -1,
		GrpcOptions:   options(t),
	}
	client, err := qdrant.NewClient(config)
	if err != nil {
		return nil, sdk.TargetDown(name, err, "correct the target's url")
	}
	return &server{client: client, label: fmt.Sprintf("%s (%s://%s)", name, u.Scheme, net.JoinHostPort(u.Hostname(), strconv.Itoa(port)))}, nil
}

// options send key and headers along with every call. The key does not go
// through the client's own setting, which warns on the default log for each
// connection that has no TLS.
func options(t sdk.Target) []grpc.DialOption {
	md := metadata.New(t.Headers)
	if t.APIKey != "" {
		md.Set("api-key", t.APIKey)
	}
	opts := []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
	}
	if len(md) == 0 {
		return opts
	}
	return append(opts, grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return call(metadata.NewOutgoingContext(ctx, md), method, req, reply, cc, opts...)
		}))
}

// parseURL reads an absolute URL, or host:port as http. Its errors hold no
// part of the text, which may be secret.
func parseURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("it has no url")
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Hostname() == "", u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("its url is malformed")
	case u.User != nil:
		return nil, errors.New("its url holds a user; set api_key instead")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return nil, errors.New("its url has a path, and gRPC has none")
	}
	return u, nil
}

// identify makes the first call: what answers there, and is it this protocol?
func (s *server) identify(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, min(patience(timeout), longestCheck))
	defer cancel()
	reply, err := s.client.HealthCheck(ctx)
	if err != nil {
		return s.down("ask what it is", err)
	}
	s.title, s.version = reply.GetTitle(), reply.GetVersion()
	return nil
}

// patience is how long one call of the set-up may take: as long as an op, if
// that is limited.
func patience(timeout time.Duration) time.Duration {
	if timeout <= 0 {
		return longestCall
	}
	return timeout
}

// down makes an error of the target out of one of a call to it, with what a
// person can do about it.
func (s *server) down(what string, err error) error {
	if errors.Is(err, context.Canceled) || codeOf(err) == codes.Canceled {
		return fmt.Errorf("%s: %w", what, context.Canceled)
	}
	err = fmt.Errorf("%s: %w", what, err)
	switch class(err) {
	case "grpc_unavailable":
		return sdk.TargetDown(s.label, err, "start the server, or correct the target's url: it names the gRPC port (usually 6334), not that of REST (6333), and https where the server has TLS")
	case "unauthenticated":
		return sdk.TargetDown(s.label, fmt.Errorf("authentication refused: %w", err), "set the target's api_key")
	case "timeout":
		return sdk.TargetDown(s.label, err, "it does not answer in time: see what it is busy with, or correct the target's url")
	case "grpc_unimplemented":
		return sdk.TargetDown(s.label, err, "it does not speak this part of Qdrant's gRPC protocol: point the target at one that does")
	}
	return sdk.TargetDown(s.label, err, "see the server's log")
}

// close ends the connections.
func (s *server) close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close the connections to %s: %w", s.label, err)
	}
	return nil
}

package qdrantserver

import (
	"context"
	"crypto/subtle"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func (s *Server) checkUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := s.authorise(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (s *Server) checkStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := s.authorise(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return handler(srv, stream)
}

// authorise lets everybody ask for health, as Qdrant does, so that a probe needs
// no secret.
func (s *Server) authorise(ctx context.Context, method string) error {
	if s.opts.APIKey == "" || method == qdrant.Qdrant_HealthCheck_FullMethodName {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	keys := md.Get("api-key")
	for _, value := range md.Get("authorization") {
		if scheme, token, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "bearer") {
			keys = append(keys, token)
		}
	}
	if len(keys) == 0 {
		return status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
	}
	for _, key := range keys {
		if subtle.ConstantTimeCompare([]byte(key), []byte(s.opts.APIKey)) == 1 {
			return nil
		}
	}
	return status.Error(codes.Unauthenticated, "Invalid API key or JWT")
}

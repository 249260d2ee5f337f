package service

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
)

// newGRPC returns a gRPC server with the retrieval service, health and
// reflection. Faults delay unary calls, and every message that comes on a
// stream of the retrieval service. Other streams, such as reflection, stay
// undelayed.
func (s *Server) newGRPC() *grpc.Server {
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(MaxBody),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := s.faults.Load().Wait(ctx, info.FullMethod); err != nil {
				return nil, status.FromContextError(err).Err()
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(s.delayMessages),
	)
	retrievalv1.RegisterRetrievalServer(g, &grpcService{s: s})
	healthpb.RegisterHealthServer(g, health.NewServer())
	reflection.Register(g)
	return g
}

type grpcService struct {
	retrievalv1.UnimplementedRetrievalServer
	s *Server
}

// Embed turns texts into vectors.
func (g *grpcService) Embed(ctx context.Context, req *retrievalv1.EmbedRequest) (*retrievalv1.EmbedResponse, error) {
	vectors, tokens, err := g.embed(ctx, "Embed", req.GetTexts())
	if err != nil {
		return nil, err
	}
	return &retrievalv1.EmbedResponse{Model: g.s.backend.embedder.Model(), Embeddings: vectors, Tokens: tokens}, nil
}

// embed does the work of a method; its error has the gRPC code.
func (g *grpcService) embed(ctx context.Context, method string, texts []string) ([]*retrievalv1.Vector, uint32, error) {
	vectors, tokens, err := g.s.backend.embed(ctx, texts)
	if err != nil {
		return nil, 0, g.fail(method, err)
	}
	out := make([]*retrievalv1.Vector, len(vectors))
	for i, v := range vectors {
		out[i] = &retrievalv1.Vector{Values: v}
	}
	return out, uint32(tokens), nil
}

// Search returns the nearest points of one collection.
func (g *grpcService) Search(ctx context.Context, req *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
	return g.search(ctx, "Search", req)
}

// search does the work of a method; its error has the gRPC code.
func (g *grpcService) search(ctx context.Context, method string, req *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
	a, err := g.s.backend.search(ctx, query{
		Collection: req.GetCollection(), Text: req.GetText(), Vector: req.GetVector(),
		K: int(req.GetK()), Ef: int(req.GetEf()),
	})
	if err != nil {
		return nil, g.fail(method, err)
	}
	resp := &retrievalv1.SearchResponse{Collection: a.Collection}
	for _, h := range a.Hits {
		hit := &retrievalv1.Hit{Id: h.ID, Score: h.Score}
		if h.Payload != nil {
			if hit.Payload, err = structpb.NewStruct(h.Payload); err != nil {
				return nil, g.fail(method, fmt.Errorf("encode the payload of point %s: %w", h.ID, err))
			}
		}
		resp.Hits = append(resp.Hits, hit)
	}
	return resp, nil
}

// ListCollections returns every collection, sorted by name.
func (g *grpcService) ListCollections(ctx context.Context, _ *retrievalv1.ListCollectionsRequest) (*retrievalv1.ListCollectionsResponse, error) {
	list, err := g.s.backend.collections(ctx)
	if err != nil {
		return nil, g.fail("ListCollections", err)
	}
	resp := &retrievalv1.ListCollectionsResponse{}
	for _, c := range list {
		resp.Collections = append(resp.Collections, &retrievalv1.Collection{
			Name: c.Name, Dimension: uint32(c.Dimension), Points: c.Points, Distance: c.Distance,
		})
	}
	return resp, nil
}

// fail gives an error of the backend its gRPC code.
func (g *grpcService) fail(method string, err error) error {
	var r *refusal
	switch {
	case errors.As(err, &r):
		code := map[kind]codes.Code{
			invalid: codes.InvalidArgument, notFound: codes.NotFound, tooLarge: codes.InvalidArgument,
		}[r.kind]
		return status.Error(code, r.msg)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	g.s.log.Error("call failed", "method", method, "error", err)
	return status.Error(codes.Internal, err.Error())
}

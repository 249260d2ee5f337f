package service

import (
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
)

// delayMessages puts the faults before every message that comes on a stream of
// the retrieval service.
func (s *Server) delayMessages(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if strings.HasPrefix(info.FullMethod, "/"+retrievalv1.Retrieval_ServiceDesc.ServiceName+"/") {
		stream = &delayedStream{ServerStream: stream, s: s, method: info.FullMethod}
	}
	return next(srv, stream)
}

// delayedStream is a stream whose messages come late.
type delayedStream struct {
	grpc.ServerStream
	s      *Server
	method string
}

// RecvMsg receives a message, and waits.
func (d *delayedStream) RecvMsg(m any) error {
	if err := d.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if err := d.s.faults.Load().Wait(d.Context(), d.method); err != nil {
		return status.FromContextError(err).Err()
	}
	return nil
}

// StreamHits sends the nearest points of one collection, one at a time.
func (g *grpcService) StreamHits(req *retrievalv1.StreamHitsRequest, stream grpc.ServerStreamingServer[retrievalv1.StreamHitsResponse]) error {
	found, err := g.search(stream.Context(), "StreamHits", req.GetSearch())
	if err != nil {
		return err
	}
	for _, h := range found.GetHits() {
		if err := stream.Send(&retrievalv1.StreamHitsResponse{Hit: h}); err != nil {
			return err
		}
	}
	return nil
}

// EmbedMany turns the texts of all messages into vectors. It stops reading as
// soon as there are too many.
func (g *grpcService) EmbedMany(stream grpc.ClientStreamingServer[retrievalv1.EmbedManyRequest, retrievalv1.EmbedManyResponse]) error {
	var texts []string
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if texts = append(texts, req.GetTexts()...); len(texts) > MaxTexts {
			break
		}
	}
	vectors, tokens, err := g.embed(stream.Context(), "EmbedMany", texts)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&retrievalv1.EmbedManyResponse{Model: g.s.backend.embedder.Model(), Embeddings: vectors, Tokens: tokens})
}

// SearchMany answers the searches of a stream one after the other.
func (g *grpcService) SearchMany(stream grpc.BidiStreamingServer[retrievalv1.SearchManyRequest, retrievalv1.SearchManyResponse]) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		found, err := g.search(stream.Context(), "SearchMany", req.GetSearch())
		if err != nil {
			return err
		}
		if err := stream.Send(&retrievalv1.SearchManyResponse{Result: found}); err != nil {
			return err
		}
	}
}

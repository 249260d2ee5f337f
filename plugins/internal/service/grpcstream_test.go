package service

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
)

func TestStreamHitsSendsAMessageForEachHit(t *testing.T) {
	_, addr, _, _ := started(t, Options{})
	stream, err := dial(t, addr).StreamHits(t.Context(), &retrievalv1.StreamHitsRequest{Search: &retrievalv1.SearchRequest{Text: "ab", K: 2}})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.GetHit().GetId())
	}
	if len(ids) != 2 || ids[0] != "7" || ids[1] != "8" {
		t.Errorf("hits %v, want 7 and 8", ids)
	}
}

func TestEmbedManyAnswersOnceForAllMessages(t *testing.T) {
	_, addr, _, _ := started(t, Options{})
	stream, err := dial(t, addr).EmbedMany(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, texts := range [][]string{{"ab"}, nil, {"abc d", "e"}} {
		if err := stream.Send(&retrievalv1.EmbedManyRequest{Texts: texts}); err != nil {
			t.Fatal(err)
		}
	}
	m, err := stream.CloseAndRecv()
	if err != nil || len(m.GetEmbeddings()) != 3 || m.GetEmbeddings()[1].GetValues()[0] != 5 || m.GetTokens() != 4 {
		t.Errorf("got %v, %v; want three vectors and 4 tokens", m, err)
	}
}

func TestSearchManyAnswersEachMessageInTurn(t *testing.T) {
	_, addr, _, _ := started(t, Options{})
	stream, err := dial(t, addr).SearchMany(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []uint32{1, 2} {
		if err := stream.Send(&retrievalv1.SearchManyRequest{Search: &retrievalv1.SearchRequest{Text: "ab", K: k}}); err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); err != nil || len(m.GetResult().GetHits()) != int(k) {
			t.Fatalf("got %v, %v; want %d hits", m, err, k)
		}
	}
	_ = stream.CloseSend()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the half-close: %v, want EOF", err)
	}
}

func TestAStreamOfWrongRequestsIsRefusedWithTheRightCode(t *testing.T) {
	_, addr, _, _ := started(t, Options{})
	c := dial(t, addr)
	hits, err := c.StreamHits(t.Context(), &retrievalv1.StreamHitsRequest{})
	if err == nil {
		_, err = hits.Recv()
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("StreamHits without a search: %v, want InvalidArgument", err)
	}
	embed, err := c.EmbedMany(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // until the service has had enough
		err = embed.Send(&retrievalv1.EmbedManyRequest{Texts: make([]string, MaxTexts/2)})
	}
	if _, err := embed.CloseAndRecv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("EmbedMany of too many texts: %v, want InvalidArgument", err)
	}
	many, err := c.SearchMany(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = many.Send(&retrievalv1.SearchManyRequest{Search: &retrievalv1.SearchRequest{Text: "a", Collection: "nope"}})
	if _, err := many.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("SearchMany of no collection: %v, want NotFound", err)
	}
}

func TestFaultsDelayEveryMessageOfAStream(t *testing.T) {
	f, err := ParseFaults("/harness.retrieval.v1.Retrieval/SearchMany:fixed=1h")
	if err != nil {
		t.Fatal(err)
	}
	_, addr, _, _ := started(t, Options{Faults: f})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	stream, err := dial(t, addr).SearchMany(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&retrievalv1.SearchManyRequest{Search: &retrievalv1.SearchRequest{Text: "a"}})
	if _, err := stream.Recv(); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a message delayed for an hour: %v, want DeadlineExceeded", err)
	}
}

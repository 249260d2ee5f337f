package service

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
)

// started serves on free loopback ports and returns the addresses, a function
// that asks it to stop, and the channel of Serve's result.
func started(t *testing.T, opts Options) (httpAddr, grpcAddr string, stop func(), done chan error) {
	t.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	opts.HTTPListener, opts.GRPCListener = listen(), listen()
	if opts.Embedder == nil {
		opts.Embedder = &fakeEmbedder{}
	}
	opts.Index, opts.Collection = &fakeIndex{}, "docs"
	ctx, cancel := context.WithCancel(t.Context())
	done = make(chan error, 1)
	go func() { done <- Serve(ctx, opts) }()
	t.Cleanup(cancel)
	return opts.HTTPListener.Addr().String(), opts.GRPCListener.Addr().String(), cancel, done
}

func dial(t *testing.T, addr string) retrievalv1.RetrievalClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return retrievalv1.NewRetrievalClient(conn)
}

func TestOnePortSpeaksHTTP1AndCleartextHTTP2(t *testing.T) {
	addr, _, stop, done := started(t, Options{})
	for _, c := range []struct {
		name, want string
		set        func(*http.Protocols)
	}{
		{"HTTP/1.1", "HTTP/1.1", func(p *http.Protocols) { p.SetHTTP1(true) }},
		{"h2c", "HTTP/2.0", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := new(http.Protocols)
			c.set(p)
			tr := &http.Transport{Protocols: p}
			defer tr.CloseIdleConnections()
			resp, err := (&http.Client{Transport: tr}).Get("http://" + addr + "/search?q=ab")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Proto != c.want || resp.StatusCode != 200 {
				t.Errorf("proto %s, status %d, body error %v; want %s and 200", resp.Proto, resp.StatusCode, err, c.want)
			}
		})
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestGRPCAnswersEveryMethod(t *testing.T) {
	_, addr, _, _ := started(t, Options{})
	c := dial(t, addr)
	e, err := c.Embed(t.Context(), &retrievalv1.EmbedRequest{Texts: []string{"ab cd"}})
	if err != nil || e.GetModel() != "all-MiniLM-L6-v2" || e.GetTokens() != 2 || e.GetEmbeddings()[0].GetValues()[0] != 5 {
		t.Errorf("embed: %v, %v", e, err)
	}
	s, err := c.Search(t.Context(), &retrievalv1.SearchRequest{Text: "ab", K: 2})
	if err != nil || s.GetCollection() != "docs" || len(s.GetHits()) != 2 || s.GetHits()[0].GetPayload().GetFields()["text"].GetStringValue() != "seven" {
		t.Errorf("search: %v, %v", s, err)
	}
	l, err := c.ListCollections(t.Context(), &retrievalv1.ListCollectionsRequest{})
	if err != nil || len(l.GetCollections()) != 2 || l.GetCollections()[0].GetName() != "big" || l.GetCollections()[0].GetPoints() != 5_000_000_000 {
		t.Errorf("list: %v, %v", l, err)
	}
}

func TestGRPCRefusesWithTheRightCode(t *testing.T) {
	_, addr, _, _ := started(t, Options{})
	c := dial(t, addr)
	for _, tc := range []struct {
		name string
		req  *retrievalv1.SearchRequest
		want codes.Code
	}{
		{"nothing to search for", &retrievalv1.SearchRequest{}, codes.InvalidArgument},
		{"no such collection", &retrievalv1.SearchRequest{Text: "a", Collection: "nope"}, codes.NotFound},
		{"a vector of the wrong length", &retrievalv1.SearchRequest{Vector: []float32{1}}, codes.InvalidArgument},
	} {
		if _, err := c.Search(t.Context(), tc.req); status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestFaultsDelayGRPCCalls(t *testing.T) {
	f, err := ParseFaults("/harness.retrieval.v1.Retrieval/Search:fixed=1h")
	if err != nil {
		t.Fatal(err)
	}
	_, addr, _, _ := started(t, Options{Faults: f})
	c := dial(t, addr)
	if _, err := c.ListCollections(t.Context(), &retrievalv1.ListCollectionsRequest{}); err != nil {
		t.Errorf("a method that is not delayed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Search(ctx, &retrievalv1.SearchRequest{Text: "a"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a method delayed for an hour: %v, want DeadlineExceeded", err)
	}
}

func TestAStopLetsRequestsInFlightFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	hold := func(context.Context) { entered <- struct{}{}; <-release }
	addr, _, stop, done := started(t, Options{Embedder: &fakeEmbedder{hold: hold}, Grace: time.Minute})
	got := make(chan int, 1)
	go func() {
		resp, err := http.Post("http://"+addr+"/embed", "application/json", strings.NewReader(`{"inputs":"a"}`))
		if err != nil {
			got <- 0
			return
		}
		resp.Body.Close()
		got <- resp.StatusCode
	}()
	<-entered
	stop()
	for { // the stop has begun when no new connection is taken
		c, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-done:
		t.Fatalf("serve returned %v with a request in flight", err)
	default:
	}
	close(release)
	if code := <-got; code != 200 {
		t.Errorf("the request in flight got status %d, want 200", code)
	}
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestAStopCutsOffWhatTheGraceDoesNotCover(t *testing.T) {
	entered := make(chan struct{})
	hold := func(ctx context.Context) { entered <- struct{}{}; <-ctx.Done() }
	httpAddr, grpcAddr, stop, done := started(t, Options{Embedder: &fakeEmbedder{hold: hold}, Grace: time.Millisecond, Parallel: 2})
	errs := make(chan error, 2)
	go func() {
		resp, err := http.Post("http://"+httpAddr+"/embed", "application/json", strings.NewReader(`{"inputs":"a"}`))
		if err == nil {
			resp.Body.Close()
		}
		errs <- err
	}()
	c := dial(t, grpcAddr)
	go func() {
		_, err := c.Embed(context.Background(), &retrievalv1.EmbedRequest{Texts: []string{"a"}})
		errs <- err
	}()
	<-entered
	<-entered
	stop()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	for range 2 {
		if err := <-errs; err == nil {
			t.Error("a request that the stop cut off was answered")
		}
	}
}

func TestServeSaysWhyAListenerStopped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	err = Serve(t.Context(), Options{Embedder: &fakeEmbedder{}, Index: &fakeIndex{}, HTTPListener: l})
	if err == nil || !strings.Contains(err.Error(), "serve HTTP on 127.0.0.1") {
		t.Errorf("serve on a closed listener: %v", err)
	}
	if err := Serve(t.Context(), Options{}); err == nil {
		t.Error("serve without an embedder: no error")
	}
}

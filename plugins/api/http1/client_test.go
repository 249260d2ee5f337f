package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// wire is a connection whose server sends a fixed text, whatever it is asked,
// and then closes.
type wire struct {
	net.Conn
	r       io.Reader
	written bytes.Buffer
	closed  bool
}

func (w *wire) Read(b []byte) (int, error)  { return w.r.Read(b) }
func (w *wire) Write(b []byte) (int, error) { return w.written.Write(b) }
func (w *wire) Close() error                { w.closed = true; return nil }
func (w *wire) SetDeadline(time.Time) error { return nil }

// answered does one request that is answered with the text, in the pieces that
// cut makes of it.
func answered(t testing.TB, text string, head bool, o Options, cut func(io.Reader) io.Reader) (Response, *wire, error) {
	t.Helper()
	w := &wire{r: cut(strings.NewReader(text))}
	o.Dial = func(context.Context) (net.Conn, error) { return w, nil }
	o.KeepBody, o.KeepHeader = true, true
	c := New(o)
	defer c.line.forget()
	var resp Response
	err := c.Do(context.Background(), []byte("GET / HTTP/1.1\r\n\r\n"), head, &resp)
	return resp, w, err
}

func whole(r io.Reader) io.Reader { return r }

var long = strings.Repeat("x", 100_000)

var answers = []struct {
	name, text string
	head       bool
	status     int
	body       string
	keeps      bool
}{
	{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello", true},
	{"no reason", "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", false, 200, "", true},
	{"two equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCONTENT-LENGTH:\t2 \r\n\r\nhi", false, 200, "hi", true},
	{"a long body", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long, false, 200, long, true},
	{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1;why=\"x\"\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n", false, 200, "hello 0123456789", true},
	{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", false, 200, "", true},
	{"until the end", "HTTP/1.1 200 OK\r\n\r\nall there is", false, 200, "all there is", false},
	{"interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n!", false, 201, "!", true},
	{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", true, 200, "", true},
	{"HEAD of chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 200, "", true},
	{"204", "HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true},
	{"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, 304, "", true},
	{"close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", false, 200, "x", false},
	{"close among others", "HTTP/1.1 500 No\r\nConnection: foo , close\r\nContent-Length: 1\r\n\r\nx", false, 500, "x", false},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 200, "x", false},
	{"HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", false, 200, "x", true},
}

func TestAnswers(t *testing.T) {
	for _, c := range answers {
		for how, cut := range map[string]func(io.Reader) io.Reader{"whole": whole, "byte by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				resp, w, err := answered(t, c.text, c.head, Options{}, cut)
				if err != nil {
					t.Fatal(err)
				}
				if resp.Status != c.status || string(resp.Body) != c.body || resp.Length != int64(len(c.body)) || w.closed == c.keeps {
					t.Errorf("status %d, body %.40q of %d, closed %v; want %d, %.40q, closed %v", resp.Status, resp.Body, resp.Length, w.closed, c.status, c.body, !c.keeps)
				}
			})
		}
	}
}

func TestMalformedAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, c := range map[string]struct{ text, want string }{
		"not HTTP":                    {"SSH-2.0-OpenSSH_9.2\r\n", "status line"},
		"HTTP/2":                      {"HTTP/2.0 200 OK\r\n\r\n", "status line"},
		"a status of two digits":      {"HTTP/1.1 20 OK\r\n\r\n", "status line"},
		"a status of four digits":     {"HTTP/1.1 2000 OK\r\n\r\n", "status line"},
		"a status that begins with 0": {"HTTP/1.1 099 OK\r\n\r\n", "status line"},
		"bare line feeds":             {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "CR LF"},
		"one bare line feed":          {ok + "A: b\nContent-Length: 0\r\n\r\n", "CR LF"},
		"no colon":                    {ok + "Content-Length 5\r\n\r\n", "header"},
		"a space before the colon":    {ok + "Content-Length : 5\r\n\r\n", "header"},
		"a folded header":             {ok + "A: b\r\n c\r\n\r\n", "header"},
		"a null":                      {ok + "A: b\x00\r\n\r\n", "control character"},
		"a carriage return within":    {ok + "A: b\rc\r\n\r\n", "control character"},
		"two lengths":                 {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "two lengths"},
		"a signed length":             {ok + "Content-Length: +1\r\n\r\na", "Content-Length"},
		"a negative length":           {ok + "Content-Length: -1\r\n\r\n", "Content-Length"},
		"a list of lengths":           {ok + "Content-Length: 1, 1\r\n\r\na", "Content-Length"},
		"an enormous length":          {ok + "Content-Length: 9999999999999999999\r\n\r\n", "Content-Length"},
		"no length after all":         {ok + "Content-Length: \r\n\r\n", "Content-Length"},
		"length and chunks":           {ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both"},
		"chunks and length":           {ok + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", "both"},
		"another coding":              {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"},
		"chunked twice":               {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"},
		"chunks in HTTP/1.0":          {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding"},
		"a chunk without a size":      {ok + "Transfer-Encoding: chunked\r\n\r\n;x\r\n", "size of a chunk"},
		"a chunk of a negative size":  {ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "size of a chunk"},
		"a chunk of too many digits":  {ok + "Transfer-Encoding: chunked\r\n\r\n0000000000000005\r\nhello\r\n", "size of a chunk"},
		"a chunk that is too long":    {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "longer than it says"},
		"a trailer that frames":       {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nConnection: close\r\n\r\n", "trailer"},
		"more than the answer":        {ok + "Content-Length: 1\r\n\r\nab", "1 bytes follow"},
		"an answer too many":          {ok + "Content-Length: 0\r\n\r\n" + ok, "bytes follow"},
		"switching protocols":         {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "101"},
		"endless interim answers":     {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100), "interim"},
		"endless headers":             {ok + strings.Repeat("A: b\r\n", 100_000), "headers of more than"},
		"an endless header":           {ok + "A: " + strings.Repeat("b", 1_000_000), "headers of more than"},
		"endless trailers":            {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 100_000), "headers of more than"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []func(io.Reader) io.Reader{whole, iotest.HalfReader} {
				_, w, err := answered(t, c.text, false, Options{}, cut)
				var p *ProtocolError
				if !errors.As(err, &p) || !strings.Contains(p.What, c.want) || !w.closed {
					t.Errorf("the error is %v, closed %v; want a protocol error with %q", err, w.closed, c.want)
				}
				if err != nil && len(err.Error()) > 300 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
			}
		})
	}
}

func TestAnAnswerThatBreaksOffIsAClosedConnection(t *testing.T) {
	const text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n"
	for n := range len(text) {
		if _, w, err := answered(t, text[:n], false, Options{}, whole); !errors.Is(err, ErrClosed) || !w.closed {
			t.Errorf("after %q: error %v, closed %v", text[:n], err, w.closed)
		}
	}
}

func TestABodyHasALimit(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
		"HTTP/1.1 200 OK\r\n\r\nhello!",
	} {
		if _, w, err := answered(t, text, false, Options{MaxBody: 5}, whole); !errors.Is(err, ErrBodyTooLarge) || !w.closed {
			t.Errorf("%q: error %v, closed %v", text, err, w.closed)
		}
	}
}

func TestHeadersAreFoundWhateverTheirCase(t *testing.T) {
	resp, _, err := answered(t, "HTTP/1.1 200 OK\r\nServer:  nginx \r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n", false, Options{}, whole)
	if err != nil || resp.Header("SERVER") != "nginx" || resp.Header("x-A") != "1" || resp.Header("none") != "" {
		t.Errorf("error %v, headers %q", err, resp.header)
	}
}

// FuzzAnswer holds the parser against net/http's: what this one takes, that one
// takes too and understands alike, and neither reads for ever.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\nx",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, head bool) {
		resp, _, err := answered(t, text, head, Options{MaxBody: 1 << 20}, whole)
		again, _, err2 := answered(t, text, head, Options{MaxBody: 1 << 20}, iotest.OneByteReader)
		if (err == nil) != (err2 == nil) && !strings.Contains(fmt.Sprint(err), "follow it") {
			t.Fatalf("whole: %v; byte by byte: %v", err, err2)
		}
		if err != nil {
			return
		}
		if again.Status != resp.Status || !bytes.Equal(again.Body, resp.Body) {
			t.Fatalf("whole: %d %q; byte by byte: %d %q", resp.Status, resp.Body, again.Status, again.Body)
		}
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		r := bufio.NewReader(strings.NewReader(text))
		for {
			theirs, err := http.ReadResponse(r, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("net/http refuses what was taken as %d %q: %v", resp.Status, resp.Body, err)
			}
			if theirs.StatusCode < 200 {
				theirs.Body.Close()
				continue
			}
			body, err := io.ReadAll(theirs.Body)
			theirs.Body.Close()
			if err != nil || theirs.StatusCode != resp.Status || !bytes.Equal(body, resp.Body) {
				t.Fatalf("net/http has %d %q (%v), this %d %q", theirs.StatusCode, body, err, resp.Status, resp.Body)
			}
			return
		}
	})
}

package known

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestDuesComeInOrder(t *testing.T) {
	var d dues
	for range 1000 {
		d.push(waiting{due: rand.Int64N(100)})
	}
	last := int64(-1)
	for range 1000 {
		w := d.pop()
		if w.due < last {
			t.Fatalf("%d after %d", w.due, last)
		}
		last = w.due
	}
}

// serving runs a server until the test is over; the function ends it before.
func serving(t *testing.T, spec Spec) (address string, stop func() *Log) {
	t.Helper()
	s, err := Listen(spec)
	if err != nil {
		t.Fatal(err)
	}
	logs := make(chan *Log, 1)
	go func() {
		log, err := s.Serve()
		if err != nil {
			t.Error(err)
		}
		logs <- log
	}()
	t.Cleanup(s.Stop)
	return s.Address(), func() *Log { s.Stop(); return <-logs }
}

func TestEveryRequestIsAnsweredAfterItsLatencyAndStamped(t *testing.T) {
	const least = 5 * time.Millisecond
	address, stop := serving(t, Spec{Latency: Latency{Kind: Constant, A: least}, Most: 10})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for i := range 3 {
		fmt.Fprintf(c, "GET /x?i=%d HTTP/1.1\r\nHost: a\r\n\r\n", 7+i)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if string(body) != "ok" || err != nil {
			t.Fatalf("%q, %v", body, err)
		}
	}
	log := stop()
	if len(log.Stamps) != 3 || log.Accepted != 1 {
		t.Fatalf("%+v", log)
	}
	for i, s := range log.Stamps {
		if s.Index != int64(7+i) || s.Answered-s.Received < int64(least) || s.Written < s.Answered || s.Injected != int64(least) {
			t.Errorf("%+v", s)
		}
	}
	name := filepath.Join(t.TempDir(), "log")
	if err := log.Write(name); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(name); err != nil || !reflect.DeepEqual(again, log) {
		t.Errorf("read %+v, %v; wrote %+v", again, err, log)
	}
}

func TestTheRequestThatIsToBeResetIsReset(t *testing.T) {
	address, stop := serving(t, Spec{ResetAt: 2, Most: 10})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /x?i=1 HTTP/1.1\r\n\r\n")
	if b, err := io.ReadAll(c); err == nil || len(b) > 0 {
		t.Errorf("%q, %v; want no byte and a reset", b, err)
	}
	if log := stop(); len(log.Stamps) != 1 || !log.Stamps[0].Reset {
		t.Errorf("%+v", log.Stamps)
	}
}

// Command guest is a plugin for tests of the sandbox: what a benchmark in Go
// may want to do, and what it must not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/sandbox"
	"github.com/benchharness/harness/sdk/serve"
)

type params struct {
	Do   string `json:"do" doc:"what an op does"`
	What string `json:"what" doc:"with what"`
}

func init() {
	bench := func(name, target string) sdk.Benchmark {
		return sdk.Benchmark{
			Name: name, Doc: "Whatever a test wants.", Params: sdk.ParamsOf(params{Do: "nothing"}), Target: target,
			Metrics: []sdk.Metric{{Name: "size", Unit: "B", Doc: "What was read."}}, Setup: setUp,
		}
	}
	sdk.Register(sdk.Plugin{Name: "guest", Version: "0.1.0", Doc: "Does what a test wants.", Benchmarks: []sdk.Benchmark{
		bench("plain", ""), bench("web", sdk.TargetService), bench("table", sdk.TargetPostgres),
	}})
}

func main() { serve.Main() }

type session struct {
	with params
	buf  []byte
}

func setUp(_ context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	s := &session{buf: make([]byte, 64<<10)}
	if err := r.Params.Decode(&s.with); err != nil {
		return nil, err
	}
	if r.Target.URL != "" || r.Target.DSN != "" || r.Target.APIKey != "" {
		return nil, errors.New("the sandbox tells where the target is")
	}
	if s.with.Do == "set up" {
		return nil, sdk.BadParam("what", "is %q", s.with.What)
	}
	return s, nil
}

func (s *session) Worker(context.Context, int) (sdk.Worker, error) { return s, nil }
func (s *session) Close(context.Context) error                     { return nil }
func (s *session) Describe() sdk.SessionInfo {
	return sdk.SessionInfo{Provenance: map[string]string{"guest": "does " + s.with.Do}}
}

var hoard [][]byte

func (s *session) act(ctx context.Context, op *sdk.Op) (int, error) {
	switch s.with.Do {
	case "nothing":
		return 0, nil
	case "sleep":
		time.Sleep(5 * time.Millisecond)
		return 0, nil
	case "hoard":
		for {
			hoard = append(hoard, make([]byte, 1<<20))
		}
	case "recurse":
		return deeper(0), nil
	case "panic":
		panic("at the op")
	case "exit":
		os.Exit(7)
	case "read":
		b, err := os.ReadFile(s.with.What)
		return len(b), err
	case "write":
		return 0, os.WriteFile(s.with.What, []byte("x"), 0o600)
	case "environment":
		if e := os.Environ(); len(e) > 0 || len(os.Args) > 1 {
			return 0, fmt.Errorf("environment %v, arguments %v", e, os.Args)
		}
		return 0, nil
	case "dial":
		_, err := net.Dial("tcp", s.with.What)
		return 0, err
	case "blob":
		n, err := sandbox.ReadBlob(s.with.What, 0, s.buf)
		if errors.Is(err, fs.ErrNotExist) {
			err = sdk.Classify("absent", err)
		}
		return n, err
	case "http":
		resp, err := sandbox.HTTP(sandbox.Request{Method: "GET", Path: s.with.What}, s.buf)
		if err == nil && resp.Status != 200 {
			err = sdk.Classify(fmt.Sprintf("http_%d", resp.Status), errors.New("not what was expected"))
		}
		return len(resp.Body), err
	case "sql":
		rows, err := sandbox.Query(s.with.What, []any{op.Index}, s.buf)
		if err != nil {
			return 0, err
		}
		var got [][]int
		if err := json.Unmarshal(rows, &got); err != nil || len(got) != 1 || len(got[0]) != 1 || got[0][0] != int(op.Index)+1 {
			return 0, fmt.Errorf("the rows are %s: %w", rows, err)
		}
		return len(rows), nil
	case "loop":
		for n := 0; ; n++ {
			if strings.Contains(s.with.What, "asks") && ctx.Err() != nil {
				return n, ctx.Err()
			}
		}
	}
	return 0, fmt.Errorf("nobody knows how to do %q", s.with.Do)
}

func deeper(n int) int {
	var pad [1 << 10]byte
	pad[n%len(pad)] = byte(deeper(n + 1))
	return int(pad[0])
}

func (s *session) Do(ctx context.Context, op *sdk.Op) error {
	n, err := s.act(ctx, op)
	if err == nil {
		op.Record("size", float64(n))
	}
	return err
}

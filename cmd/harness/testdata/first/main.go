// Command first is a benchmark plugin that knows nothing but the plugin protocol
// as it was first released: the copy of plugin.proto beside this file, which is
// never changed. It is written without the sdk, so that no newer code of ours
// can hide what an old plugin would get to see.
package main

import (
	"context"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

const cookie = "b6f4c1e2-harness-benchmark-plugin"

//go:embed harness
var files embed.FS

// params is what its one benchmark says of its parameters.
const params = `[{"name":"sleep","type":"duration","doc":"For which every op sleeps.","min":0}]`

type plugin struct {
	service  protoreflect.ServiceDescriptor
	problem  protoreflect.MessageDescriptor
	mu       sync.Mutex
	sessions map[string]time.Duration
}

func main() {
	if os.Getenv("HARNESS_PLUGIN_COOKIE") != cookie {
		fmt.Fprintln(os.Stderr, "first is a plugin of harness and does nothing on its own")
		os.Exit(2)
	}
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: func(path string) (io.ReadCloser, error) { return fs.FS(files).Open(path) },
	})}
	compiled, err := c.Compile(context.Background(), "harness/plugin/v1/plugin.proto")
	check(err)
	p := &plugin{
		service: compiled[0].Services().ByName("PluginService"), problem: compiled[0].Messages().ByName("Problem"),
		sessions: map[string]time.Duration{},
	}
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "first.sock")
	l, err := net.Listen("unix", path)
	check(err)
	fmt.Printf("1|1|unix|%s|grpc\n", path)
	go untilAlone(path)
	check(grpc.NewServer(grpc.UnknownServiceHandler(p.call)).Serve(l))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// untilAlone ends the process when the harness is gone.
func untilAlone(socket string) {
	fd, err := strconv.Atoi(os.Getenv("HARNESS_LIFELINE_FD"))
	check(err)
	_, _ = io.Copy(io.Discard, os.NewFile(uintptr(fd), "lifeline")) // to its end, whatever that is
	os.RemoveAll(filepath.Dir(socket))
	os.Exit(1)
}

// call answers a call of any method. Messages are built from their JSON form.
func (p *plugin) call(_ any, stream grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(stream)
	method := p.service.Methods().ByName(protoreflect.Name(full[strings.LastIndexByte(full, '/')+1:]))
	if method == nil {
		return status.Error(codes.Unimplemented, "this plugin has no "+full)
	}
	in := dynamicpb.NewMessage(method.Input())
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	text, err := protojson.Marshal(in)
	if err != nil {
		return err
	}
	var r request
	if err := json.Unmarshal(text, &r); err != nil {
		return status.Errorf(codes.InvalidArgument, "%v", err)
	}
	send := func(text string) error {
		out := dynamicpb.NewMessage(method.Output())
		if err := protojson.Unmarshal([]byte(text), out); err != nil {
			return err
		}
		return stream.SendMsg(out)
	}
	switch method.Name() {
	case "Describe":
		return send(`{"name":"first","version":"1.0.0","doc":"Speaks the first protocol.","benchmarks":[{"name":"nap","doc":"Sleeps.","params":"` +
			base64.StdEncoding.EncodeToString([]byte(params)) + `"}]}`)
	case "Prepare":
		if err := p.prepare(r); err != nil {
			return err
		}
		return send(`{"workloadDigest":"nap"}`)
	case "RunRound":
		return p.round(stream.Context(), r, send)
	case "Teardown":
		p.mu.Lock()
		delete(p.sessions, r.Session)
		p.mu.Unlock()
	}
	return send("{}")
}

// request is what the plugin reads of any request.
type request struct {
	Session, Benchmark string
	Params             []byte
	Plan               struct {
		Model    string
		Rate     float64
		Duration string
		Ops      string // JSON has 64 bits as text

		// What this plugin does not do.
		Stages, Gaps    []json.RawMessage
		Think, SkipLate string
	}
}

func (p *plugin) prepare(r request) error {
	if r.Benchmark != "nap" {
		return status.Errorf(codes.NotFound, "no benchmark %q", r.Benchmark)
	}
	given := map[string]json.RawMessage{}
	if len(r.Params) > 0 {
		if err := json.Unmarshal(r.Params, &given); err != nil {
			return status.Errorf(codes.InvalidArgument, "%v", err)
		}
	}
	nap := time.Millisecond
	for name, raw := range given {
		if name != "sleep" {
			return p.wrong(name, "is unknown")
		}
		text, seconds := "", 0.0
		d, err := time.Duration(0), error(nil)
		if json.Unmarshal(raw, &text) == nil {
			d, err = time.ParseDuration(text)
		} else if err = json.Unmarshal(raw, &seconds); err == nil {
			d = time.Duration(seconds * float64(time.Second))
		}
		if err != nil || d < 0 {
			return p.wrong(name, "is no duration")
		}
		nap = d
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[r.Session] = nap
	return nil
}

// wrong is the error of a parameter.
func (p *plugin) wrong(param, message string) error {
	m := dynamicpb.NewMessage(p.problem)
	text, _ := json.Marshal(map[string]string{"kind": "KIND_PARAM", "subject": param, "message": message}) // strings cannot fail
	if err := protojson.Unmarshal(text, m); err != nil {
		return err
	}
	detail := &anypb.Any{}
	if err := anypb.MarshalFrom(detail, m, proto.MarshalOptions{}); err != nil {
		return err
	}
	s := status.New(codes.InvalidArgument, "parameter "+param+" "+message).Proto()
	s.Details = append(s.Details, detail)
	return status.ErrorProto(s)
}

// some says that a duration is there and not zero.
func some(duration string) bool { return duration != "" && duration != "0s" }

// round does its ops one after the other, whatever the number of workers.
func (p *plugin) round(ctx context.Context, r request, send func(string) error) error {
	p.mu.Lock()
	nap, ok := p.sessions[r.Session]
	p.mu.Unlock()
	if !ok {
		return status.Errorf(codes.NotFound, "no session %q", r.Session)
	}
	if p := r.Plan; len(p.Stages)+len(p.Gaps) > 0 || some(p.Think) || some(p.SkipLate) || p.Model != "closed" && p.Model != "constant" {
		return status.Errorf(codes.InvalidArgument, "this plugin drives closed loops and constant rates only, not %+v", p)
	}
	if err := send(`{"progress":{"measuring":true}}`); err != nil {
		return err
	}
	limit, _ := time.ParseDuration(r.Plan.Duration) // absent: no limit
	most, _ := strconv.ParseUint(r.Plan.Ops, 10, 64)
	clock := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(time.Minute), 3) }
	response, service, lag, wait := clock(), clock(), clock(), clock()
	start, n := time.Now(), uint64(0)
	for ; most == 0 || n < most; n++ {
		intended := start
		if r.Plan.Model != "closed" {
			intended = start.Add(time.Duration(float64(n) / r.Plan.Rate * float64(time.Second)))
			if limit > 0 && intended.Sub(start) >= limit {
				break
			}
			time.Sleep(time.Until(intended))
		} else if intended = time.Now(); limit > 0 && intended.Sub(start) >= limit {
			break
		}
		if ctx.Err() != nil {
			return status.FromContextError(ctx.Err()).Err()
		}
		sent := time.Now()
		time.Sleep(nap)
		done := time.Now()
		check(response.RecordValue(int64(done.Sub(intended))))
		check(service.RecordValue(int64(done.Sub(sent))))
		check(lag.RecordValue(int64(sent.Sub(intended))))
		check(wait.RecordValue(0))
	}
	text := func(h *hdrhistogram.Histogram) string {
		b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		check(err)
		return string(b)
	}
	return send(fmt.Sprintf(`{"result":{"started":%q,"elapsed":"%.9fs","batch":1,"counts":{"scheduled":%d,"ok":%d},
		"clocks":{"response":%q,"service":%q,"lag":%q,"wait":%q}}}`,
		start.UTC().Format(time.RFC3339Nano), time.Since(start).Seconds(), n, n, text(response), text(service), text(lag), text(wait)))
}

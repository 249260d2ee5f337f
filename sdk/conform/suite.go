package conform

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Deadlines of single calls, far above what they take.
const (
	callLimit    = 30 * time.Second
	prepareLimit = 10 * time.Minute
	roundLimit   = 5 * time.Minute
	opTimeout    = time.Minute
)

// suite is the part of the checks that needs a connection only.
type suite struct {
	config
	rpc      pluginv1.PluginServiceClient
	plugin   sdk.Plugin // as it describes itself
	sessions int
}

// newJournal starts a journal for a plugin to write to.
func newJournal(t T) (path string, f *journal.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.jsonl")
	f, err := journal.Create(path, journal.Run{ID: "conform"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return path, f
}

// checkJournal fails if the plugin journalled something and did not remove it.
func checkJournal(t T, path string) {
	t.Run("removes all that it journalled", func(t T) {
		c, err := journal.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Left {
			t.Errorf("%s %s on target %q was recorded and not forgotten", e.Object.Kind, e.Object.Name, e.Target)
		}
	})
}

// describe asks the plugin what it is, and checks that. It comes first.
func (s *suite) describe(t T) bool {
	return t.Run("describes itself validly and always alike", func(t T) {
		var first *pluginv1.DescribeResponse
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), callLimit)
			d, err := s.rpc.Describe(ctx, &pluginv1.DescribeRequest{})
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = d
			} else if !proto.Equal(first, d) {
				t.Errorf("the second description differs from the first:\n%v\n%v", first, d)
			}
		}
		p, err := wire.DescribeFromProto(first)
		if err != nil {
			t.Fatal(err)
		}
		if p.Version == "" || p.Doc == "" {
			t.Errorf("version %q and doc %q must not be empty: reports name both", p.Version, p.Doc)
		}
		for _, b := range p.Benchmarks {
			if b.Doc == "" {
				t.Errorf("benchmark %s has no doc: harness list shows it", b.Name)
			}
		}
		s.plugin = p
	})
}

// protocol runs every check that needs a connection only.
func (s *suite) protocol(t T) {
	t.Run("refuses a benchmark that it does not have", func(t T) {
		_, err := s.prepare(t, s.session(), "no-such-benchmark", sdk.SetupRequest{})
		wantCode(t, err, codes.NotFound)
	})
	t.Run("refuses a round of a session that was never prepared", func(t T) {
		_, err := s.round(t.Context(), s.session(), fewOps(sdk.LoadHint{}), nil)
		wantCode(t, err, codes.NotFound)
	})
	t.Run("tears down a session that was never prepared", func(t T) {
		if err := s.teardown(s.session()); err != nil {
			t.Error(err)
		}
	})
	for _, b := range s.plugin.Benchmarks {
		t.Run("benchmark "+b.Name, func(t T) {
			s.parameters(t, b)
			t.Run("reports 5 ms for an op that sleeps 5 ms", func(t T) { s.sleeps(t, b) })
			for i, p := range s.presets(b) {
				name := "runs preset " + p.Name
				if p.Name == "" {
					name = "runs with its default parameters"
				}
				t.Run(name, func(t T) { s.scenario(t, b, p, i == 0) })
			}
		})
	}
}

// presets are those that are run: an unnamed one where there is none.
func (s *suite) presets(b sdk.Benchmark) []sdk.Preset {
	if len(b.Presets) == 0 {
		return []sdk.Preset{{}}
	}
	return b.Presets[:min(len(b.Presets), s.config.presets)]
}

// session returns a name that was not used before.
func (s *suite) session() string {
	s.sessions++
	return fmt.Sprintf("session-%d", s.sessions)
}

// request is what the harness would ask for.
func (s *suite) request(t T, b sdk.Benchmark, p sdk.Preset) (sdk.SetupRequest, error) {
	with := maps.Clone(p.With)
	if with == nil {
		with = map[string]any{}
	}
	maps.Copy(with, s.params[b.Name])
	values, err := encode(with)
	if err != nil {
		return sdk.SetupRequest{}, err
	}
	return sdk.SetupRequest{
		ID: s.plugin.Name + "/" + b.Name, RunID: "conform", Params: values, Target: s.targets[b.Target],
		Seed: 1, MaxWorkers: 2, Timeout: opTimeout, Dir: t.TempDir(),
	}, nil
}

func (s *suite) prepare(t T, session, benchmark string, r sdk.SetupRequest) (*pluginv1.PrepareResponse, error) {
	t.Helper()
	m, err := wire.PrepareToProto(session, benchmark, r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), prepareLimit)
	defer cancel()
	return s.rpc.Prepare(ctx, m)
}

// teardown has no test's context: it comes after the end of one, too.
func (s *suite) teardown(session string) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.bound+callLimit)
	defer cancel()
	_, err := s.rpc.Teardown(ctx, &pluginv1.TeardownRequest{Session: session})
	return err
}

func wantCode(t T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("the status is %v (%v), want %v", got, err, want)
	}
	if err != nil && status.Convert(err).Message() == "" {
		t.Error("the status has no message")
	}
}

package reference

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/benchharness/harness/plugins/internal/postgres"
	"github.com/benchharness/harness/sdk"
)

// startPostgres starts a private server. Benchmarks reach it over its unix
// socket; with o.TCP over TCP as well.
func startPostgres(ctx context.Context, s *Stack, o Options) (Component, error) {
	po := postgres.Options{
		RunID: o.RunID, Dir: o.Dir, TCP: o.TCP, Port: o.PostgresPort, MaxConnections: maxConnections,
		Progress: func(line string) { o.Log.Info(line) },
	}
	if o.Journal != nil {
		po.Journal = func(kind, name string, attrs map[string]string) error {
			if kind == "folder" && attrs["marker"] == "" {
				return nil // a cache of fetched programs, which is meant to stay
			}
			return o.Journal.Record(sdk.Object{Kind: kind, Name: name, Attrs: attrs})
		}
		po.Removed = func(kind, name string) {
			if err := o.Journal.Forget(sdk.Object{Kind: kind, Name: name}); err != nil {
				o.Log.Warn("journal", "error", err)
			}
		}
	}
	srv, err := postgres.Start(ctx, po)
	var absent *postgres.Unavailable
	if errors.As(err, &absent) {
		return Component{}, sdk.NotMeasured("no PostgreSQL server can be started here: "+oneLine(absent.Reason), oneLine(absent.Remedy))
	}
	if err != nil {
		return Component{}, err
	}
	s.closers = append(s.closers, srv.Stop)
	go func() { // ends with the server, which Stop ends
		<-srv.Done()
		lines := strings.Split(strings.TrimSpace(srv.LogTail()), "\n")
		s.isDown(fmt.Errorf("PostgreSQL ended; the last line of its log: %s", oneLine(lines[len(lines)-1])))
	}()
	dsn := srv.DSN()
	if po.TCP {
		dsn = srv.TCPDSN()
	}
	return Component{
		Target: sdk.Target{DSN: dsn},
		Provenance: map[string]string{
			"target": "harness reference", "engine": "PostgreSQL, private server", "server_version": srv.Version(), "source": srv.Source(),
		},
	}, nil
}

// maxConnections leaves room for the largest concurrency of a full run.
const maxConnections = 300

// Caches are the folders of fetched programs that outlive a stack, whether
// they exist or not.
func Caches() []string { return postgres.CacheFolders() }

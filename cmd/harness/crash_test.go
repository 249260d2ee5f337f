package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/internal/stack"
	"github.com/benchharness/harness/sdk"
)

// processes returns the ids of the processes whose environment has TMPDIR or
// HARNESS_CHILD from the place: what harness started there.
func (p *place) processes() []int {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte("TMPDIR="+p.tmp)) || err == nil && bytes.Contains(cmdline(path), []byte(p.tmp)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// cmdline is the command of the process with that environ file. PostgreSQL,
// whose environment is scrubbed, has its data folder there.
func cmdline(environ string) []byte {
	b, _ := os.ReadFile(filepath.Join(filepath.Dir(environ), "cmdline"))
	return b
}

// entries are the names in a folder, without those that go on.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// crashes is how often the crash test kills a run.
const crashes = 20

func TestAKilledRunLeavesNoProcessAndCleanRemovesTheRest(t *testing.T) {
	requireLinux(t)
	outside := newPlace(t)
	ref := outside.reference(sdk.TargetVector, sdk.TargetPostgres)
	precious(t, ref)
	t.Run("kills", func(t *testing.T) {
		for i := range crashes {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				if i%4 != 0 {
					t.Parallel() // four at a time is enough for this machine
				}
				crash(t, ref, i%2 == 0)
			})
		}
	})
	untouched(t, ref)
}

// crash kills a run at a random moment of its length. external says that the
// run measures targets that harness did not start.
func crash(t *testing.T, ref stack.Ready, external bool) {
	p := newPlace(t)
	args := []string{"run", "--plugins", "vector,db,api,system", "--duration", "150ms", "--warmup", "20ms", "--monitor-duration", "200ms"}
	if external {
		p.write("harness.yaml", externalConfig(ref))
		args = []string{"run", "--duration", "600ms", "--warmup", "20ms"}
	}
	// What is there already must stay, however much it looks like ours.
	decoy := filepath.Join(p.tmp, "harness-20200101T000000Z-decoy000")
	if err := os.MkdirAll(filepath.Join(decoy, "keep"), 0o755); err != nil {
		t.Fatal(err)
	}
	bystander := exec.Command("sleep", "600")
	bystander.Env = []string{"HARNESS_CHILD=somebody-else"}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer bystander.Wait() // how it ended does not matter
	defer bystander.Process.Kill()

	cmd := p.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := time.Duration(rand.Int64N(int64(12 * time.Second)))
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-time.After(after):
		_ = cmd.Process.Kill()
		<-done
	case <-done: // it was faster
	}
	eventually(t, 30*time.Second, fmt.Sprintf("killed after %v: processes are left\n%s", after, stderr.String()),
		func() bool { return len(p.processes()) == 0 })

	if o := p.must("clean"); strings.Contains(o.stderr, "left alone") {
		t.Errorf("clean: %s", o.stderr)
	}
	if got := entries(t, p.tmp); len(got) != 1 || got[0] != filepath.Base(decoy) {
		t.Errorf("killed after %v: left in TMPDIR: %q, want only the decoy", after, got)
	}
	if got := entries(t, filepath.Join(p.home, ".local", "state", "harness", "journal")); len(got) > 0 {
		t.Errorf("journals are left: %q", got)
	}
	if _, err := os.Stat(filepath.Join(decoy, "keep")); err != nil {
		t.Errorf("the decoy was touched: %v", err)
	}
	if bystander.ProcessState != nil {
		t.Error("the bystander was killed")
	}
	runDocument(t, filepath.Join(p.dir, "run.json"))
}

// runDocument checks that a killed run left either nothing or a whole document.
func runDocument(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil || !json.Valid(b) {
		t.Errorf("the run document is torn: %v", err)
	}
}

func externalConfig(ref stack.Ready) string {
	return fmt.Sprintf(`version: 1
targets:
  index: {url: "%s"}
  main-db: {dsn: "%s"}
suites:
  default:
    load: {concurrent_users: 2, rounds: 2}
    benchmarks:
      - {use: vector/search, name: small, target: index, with: {dim: 64, points: 2000}}
      - {use: db/pgbench, name: select, target: main-db, with: {script: select_only}}
      - {use: db/bulk_load, name: load, target: main-db}
`, ref.Components[sdk.TargetVector].Target.URL, ref.Components[sdk.TargetPostgres].Target.DSN)
}

// precious puts things on the targets that are not harness's.
func precious(t *testing.T, ref stack.Ready) {
	t.Helper()
	ctx := t.Context()
	db := database(t, ref)
	for _, sql := range []string{
		`create schema harness_of_somebody`, `create table harness_of_somebody.t (x int)`, `create table public.precious (x int)`,
	} {
		if _, err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	err := index(t, ref).CreateCollection(ctx, &qdrant.CreateCollection{
		CollectionName: "precious", VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 4, Distance: qdrant.Distance_Cosine}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// untouched checks that exactly those things are there.
func untouched(t *testing.T, ref stack.Ready) {
	t.Helper()
	ctx := t.Context()
	rows, err := database(t, ref).Query(ctx, `select nspname from pg_namespace where nspname like 'harness%' order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(schemas) != 1 || schemas[0] != "harness_of_somebody" {
		t.Errorf("schemas are %q, %v; want only the one that was there", schemas, err)
	}
	collections, err := index(t, ref).ListCollections(ctx)
	if err != nil || len(collections) != 1 || collections[0] != "precious" {
		t.Errorf("collections are %q, %v; want only the one that was there", collections, err)
	}
}

func database(t *testing.T, ref stack.Ready) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), ref.Components[sdk.TargetPostgres].Target.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func index(t *testing.T, ref stack.Ready) *qdrant.Client {
	t.Helper()
	var port int
	url := ref.Components[sdk.TargetVector].Target.URL
	if _, err := fmt.Sscanf(url, "http://127.0.0.1:%d", &port); err != nil {
		t.Fatalf("the index's address %q: %v", url, err)
	}
	c, err := qdrant.NewClient(&qdrant.Config{Host: "127.0.0.1", Port: port, SkipCompatibilityCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

package actiontest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/benchharness/harness/internal/store"
)

// do runs the steps of a workflow's job: its scripts, our action, uploads, and
// downloads of what download is. The checkout has been made already.
func (r *runner) do(file, job, download string) {
	r.t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(r.t, file)), &w); err != nil {
		r.t.Fatal(err)
	}
	r.artifacts = map[string][]string{}
	s := scope{values: map[string]string{"github.token": r.github["token"]}}
	for name, v := range w.Jobs[job].Env {
		value, err := s.expand(v)
		if err != nil {
			r.t.Fatal(err)
		}
		r.env[name] = value
	}
	for _, st := range w.Jobs[job].Steps {
		yes, err := s.condition(st.If)
		if err != nil {
			r.t.Fatalf("%s: if: %v", file, err)
		}
		if yes && !r.jobStep(st, s, download) {
			s.failed = true
		}
	}
	r.failed = s.failed
}

func (r *runner) jobStep(st step, s scope, download string) bool {
	r.t.Helper()
	action, _, _ := strings.Cut(st.Uses, "@")
	switch {
	case action == "":
		st.Shell = "bash"
		return r.step(st, s)
	case ours.MatchString(st.Uses):
		r.inputs = map[string]string{"mode": st.With["mode"], "harness-path": binary} // in place of a release
		for name, v := range r.act() {
			s.values["steps."+st.ID+".outputs."+name] = v
		}
		return !r.failed
	case action == "actions/checkout":
		return true
	case action == "actions/download-artifact":
		return os.Rename(download, filepath.Join(r.workspace, st.With["path"])) == nil
	}
	var files []string
	for _, f := range strings.Fields(st.With["path"]) {
		files = append(files, filepath.Join(r.workspace, f))
	}
	st.With["path"] = strings.Join(files, "\n")
	return r.step(st, s)
}

// Two legs, of which one left nothing behind, are one comment and one check.
func TestTheLegsOfAMatrixAreOneComment(t *testing.T) {
	p := newProject(t, "acme", ".", "fine")
	p.token("t-matrix", "../workflows/matrix.yml")
	legs := filepath.Join(short(t), "legs")
	leg := filepath.Join(legs, "harness-default.linux-amd64")
	store.WriteRun(filepath.Join(p.work, "run.json"), measured(t))
	if err := os.MkdirAll(leg, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, p.work, append(gitEnv(), "HOME="+p.work), binary, "compare", "run.json", "run.json", "--format", "json", "--dir", leg); err != nil {
		t.Fatalf("harness compare: %v\n%s", err, out)
	}
	r := p.job("acme", "t-matrix")
	r.do("../workflows/matrix.yml", "publish", legs)
	c := p.only()
	if !strings.Contains(c.Body, "| `linux-amd64` | ") || !strings.Contains(c.Body, "| `linux-arm64` | ❌ ") {
		t.Errorf("the comment:\n%s\n%s", c.Body, r.log.String())
	}
	if got := p.conclusions(p.head); !r.failed || !slices.Equal(got, []string{"completed failure"}) {
		t.Errorf("failed %v, checks %q\n%s", r.failed, got, r.log.String())
	}
}

// A budget that is missed fails the job, and the run is recorded all the same.
func TestPushesAndNightsAreRecorded(t *testing.T) {
	config := `version: 1
suites:
  default:
    load: {duration: 50ms, warmup: 0s, rounds: 1}
    benchmarks: [{use: system/cpu, name: one_core}]
`
	missed := config + "budgets: [{id: B, benchmark: \"*\", metric: throughput, min: 1000000000000/s}]\n"
	for _, tt := range []struct {
		file, job, config, artifact string
		failed                      bool
		runs                        int
	}{
		{"../workflows/history.yml", "record", config, "harness-run", false, 1},
		{"../workflows/nightly.yml", "full", missed, "harness-nightly", true, 1},
		{"../workflows/history.yml", "record", "version: 0\n", "", true, 0},
	} {
		p := newHistoryPlace(t, 0)
		r := newRunner(t)
		git(t, p.dir, "clone", "--quiet", p.bare, r.workspace)
		write(t, filepath.Join(r.workspace, "harness.yaml"), tt.config)
		r.env["GIT_CONFIG_GLOBAL"] = "/dev/null"
		r.do(tt.file, tt.job, "")
		branches := git(t, p.bare, "branch", "--list", "harness-history")
		runs := 0
		if branches != "" {
			files, _ := p.recorded()
			runs = len(files)
		}
		if r.failed != tt.failed || runs != tt.runs {
			t.Errorf("%s: failed %v, recorded %d runs; want %v and %d\n%s", tt.file, r.failed, runs, tt.failed, tt.runs, r.log.String())
		}
		if tt.artifact != "" && !slices.Contains(r.artifacts[tt.artifact], filepath.Join(r.workspace, "run.json")) {
			t.Errorf("%s: uploads %v", tt.file, r.artifacts)
		}
	}
}

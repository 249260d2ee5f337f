package actiontest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// do runs the steps of a workflow's only job: its scripts, our action, and
// uploads. The checkout has been made already.
func (r *runner) do(file string) {
	r.t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(r.t, file)), &w); err != nil {
		r.t.Fatal(err)
	}
	r.artifacts = map[string][]string{}
	for _, j := range w.Jobs {
		s := scope{values: map[string]string{}}
		for _, st := range j.Steps {
			yes, err := s.condition(st.If)
			if err != nil {
				r.t.Fatalf("%s: if: %v", file, err)
			}
			if !yes || strings.HasPrefix(st.Uses, "actions/checkout@") {
				continue
			}
			ok := true
			switch {
			case ours.MatchString(st.Uses):
				r.inputs = map[string]string{"mode": st.With["mode"], "harness-path": binary} // in place of a release
				for name, v := range r.act() {
					s.values["steps."+st.ID+".outputs."+name] = v
				}
				ok = !r.failed
			case st.Uses != "":
				var files []string
				for _, f := range strings.Fields(st.With["path"]) {
					files = append(files, filepath.Join(r.workspace, f))
				}
				st.With["path"] = strings.Join(files, "\n")
				ok = r.step(st, s)
			default:
				st.Shell = "bash"
				ok = r.step(st, s)
			}
			s.failed = s.failed || !ok
		}
		r.failed = s.failed
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
		file, config, artifact string
		failed                 bool
		runs                   int
	}{
		{"../workflows/history.yml", config, "harness-run", false, 1},
		{"../workflows/nightly.yml", missed, "harness-nightly", true, 1},
		{"../workflows/history.yml", "version: 0\n", "", true, 0},
	} {
		p := newHistoryPlace(t, 0)
		r := newRunner(t)
		git(t, p.dir, "clone", "--quiet", p.bare, r.workspace)
		write(t, filepath.Join(r.workspace, "harness.yaml"), tt.config)
		r.env["GIT_CONFIG_GLOBAL"] = "/dev/null"
		r.do(tt.file)
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

package actiontest

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what of a workflow is looked at here; actionlint looks at the
// rest.
type workflow struct {
	Name        string
	On          map[string]any
	Permissions map[string]string
	Concurrency map[string]any
	Jobs        map[string]struct {
		Permissions    map[string]string
		Env            map[string]string
		TimeoutMinutes int `yaml:"timeout-minutes"`
		Steps          []step
	}
}

// ours is the action as workflows name it, here and elsewhere.
var ours = regexp.MustCompile(`^(\./ci|benchharness/harness/ci@v([0-9.]+))$`)

var (
	usesLine = regexp.MustCompile(`(?m)^\s*(?:- )?uses: *(\S+)(.*)$`)
	pinned   = regexp.MustCompile(`^[\w.-]+/[\w.-]+@[0-9a-f]{40}$`)
	comment  = regexp.MustCompile(`^ # v\d+\.\d+\.\d+$`)
)

// unpinned finds actions of others that are not pinned to a commit, with the
// version beside it.
func unpinned(text string) (problems []string) {
	for _, m := range usesLine.FindAllStringSubmatch(text, -1) {
		if !ours.MatchString(m[1]) && (!pinned.MatchString(m[1]) || !comment.MatchString(m[2])) {
			problems = append(problems, m[1]+" is not pinned to a commit with its version beside it")
		}
	}
	return problems
}

// injectable finds expressions in scripts: what a stranger calls a branch would
// be part of the program.
func injectable(steps []step) (problems []string) {
	for _, s := range steps {
		if strings.Contains(s.Run, "${{") {
			problems = append(problems, fmt.Sprintf("step %s%s: an expression stands in the script", s.ID, s.Name))
		}
	}
	return problems
}

// careless finds what every workflow needs and this one lacks.
func careless(w workflow) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if w.Permissions == nil || slices.Contains(slices.Collect(maps.Values(w.Permissions)), "write") {
		say("permissions at the top have to be there and must not be write")
	}
	if w.Concurrency["group"] == nil {
		say("there is no concurrency group")
	}
	if _, secret := w.On["pull_request_target"]; secret {
		say("pull_request_target runs with secrets")
	}
	for name, j := range w.Jobs {
		if j.TimeoutMinutes == 0 {
			say("job %s has no timeout", name)
		}
		problems = append(problems, injectable(j.Steps)...)
	}
	return problems
}

// trusting finds what a workflow_run may not do: bring the pull request's files
// or what its job left in a cache into a job that can write.
func trusting(w workflow) (problems []string) {
	for _, j := range w.Jobs {
		for _, s := range j.Steps {
			action, _, _ := strings.Cut(s.Uses, "@")
			switch {
			case action == "actions/checkout" && (s.With["ref"] != "" || s.With["repository"] != ""):
				problems = append(problems, "the checkout is not of the default branch")
			case action == "actions/cache", action == "actions/download-artifact":
				problems = append(problems, action+" brings files of the pull request's job")
			case action == "actions/setup-go" && s.With["cache"] != "false":
				problems = append(problems, "setup-go reads a cache that the pull request's job may have written")
			}
			for _, text := range append(slices.Collect(maps.Values(s.Env)), slices.Collect(maps.Values(s.With))...) {
				if strings.Contains(text, "workflow_run") {
					problems = append(problems, "a step takes "+text+" from the event: harness reads the event itself")
				}
			}
			if regexp.MustCompile(`\b(git|gh) `).MatchString(s.Run) {
				problems = append(problems, "a script fetches something")
			}
		}
	}
	return problems
}

func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	out := map[string]workflow{}
	for _, dir := range []string{"../workflows", "../../.github/workflows"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
		if err != nil || len(files) < 4 {
			t.Fatalf("%s has %q, %v", dir, files, err)
		}
		for _, f := range files {
			var w workflow
			if err := yaml.Unmarshal([]byte(read(t, f)), &w); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			out[f] = w
		}
	}
	return out
}

func TestWorkflowsAreSafe(t *testing.T) {
	all := workflows(t)
	for file, w := range all {
		problems := slices.Concat(unpinned(read(t, file)), careless(w))
		if trigger, ok := w.On["workflow_run"].(map[string]any); ok {
			problems = append(problems, trusting(w)...)
			for _, first := range trigger["workflows"].([]any) {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(f string) bool {
					return filepath.Dir(f) == filepath.Dir(file) && all[f].Name == first
				}) {
					problems = append(problems, fmt.Sprintf("no workflow beside it is called %v", first))
				}
			}
		}
		for _, p := range problems {
			t.Errorf("%s: %s", file, p)
		}
	}
	a := readAction(t)
	for _, p := range slices.Concat(unpinned(read(t, "../action.yml")), injectable(a.Runs.Steps)) {
		t.Errorf("action.yml: %s", p)
	}
}

func TestUnsafeWorkflowsAreFound(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"jobs: {a: {steps: [{uses: actions/checkout@v4}]}}", "permissions"},
		{"permissions: {contents: write}", "must not be write"},
		{"on: {pull_request_target: {}}", "runs with secrets"},
		{"jobs: {a: {steps: [{run: 'echo ${{ github.event.pull_request.title }}'}]}}", "stands in the script"},
		{"jobs: {a: {runs-on: x}}", "has no timeout"},
		{"jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n", "not pinned"},
		{"jobs:\n  a:\n    steps:\n      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd\n", "not pinned"},
		{"jobs: {a: {steps: [{uses: actions/checkout@x, with: {ref: '${{ github.event.workflow_run.head_sha }}'}}]}}", "not of the default branch"},
		{"jobs: {a: {steps: [{uses: actions/download-artifact@x}]}}", "brings files"},
		{"jobs: {a: {steps: [{uses: actions/setup-go@x, with: {go-version: '1'}}]}}", "reads a cache"},
		{"jobs: {a: {steps: [{run: git fetch origin pull/1/head}]}}", "fetches something"},
		{"jobs: {a: {steps: [{env: {PR: '${{ github.event.workflow_run.pull_requests[0].number }}'}}]}}", "harness reads the event itself"},
	} {
		var w workflow
		if err := yaml.Unmarshal([]byte(tt.text), &w); err != nil {
			t.Fatal(err)
		}
		problems := slices.Concat(unpinned(tt.text), careless(w), trusting(w))
		if !strings.Contains(strings.Join(problems, "\n"), tt.want) {
			t.Errorf("%s\nis found to be %q; want %q", tt.text, problems, tt.want)
		}
	}
}

// What workflows give the action, and what it takes.
func TestWorkflowsGiveTheActionWhatItTakes(t *testing.T) {
	a := readAction(t)
	allowed := map[string]string{
		"mode": "ab publish install", "comment": "always on-change on-regression off",
		"fail-on": "policy regression inconclusive never", "check": "true false",
	}
	version := regexp.MustCompile(`version = "([\d.]+)`).FindStringSubmatch(read(t, "../../cmd/harness/version.go"))[1]
	used := 0
	for file, w := range workflows(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				m := ours.FindStringSubmatch(s.Uses)
				if m == nil {
					continue
				}
				used++
				for name, value := range s.With {
					in, known := a.Inputs[name]
					if !known || value == in.Default {
						t.Errorf("%s: input %s: %q is unknown, or the default", file, name, value)
					}
					if words := allowed[name]; words != "" && !slices.Contains(strings.Fields(words), value) {
						t.Errorf("%s: input %s is %q, want one of %s", file, name, value, words)
					}
				}
				if m[2] != "" && (m[2] != version || s.With["version"] != version) {
					t.Errorf("%s: uses %s with version %s; harness is %s", file, s.Uses, s.With["version"], version)
				}
				if m[2] == "" && s.With["harness-path"] == "" {
					t.Errorf("%s: the action of the checkout has no harness-path", file)
				}
			}
		}
	}
	if used < 6 {
		t.Errorf("only %d steps use the action", used)
	}
	text := read(t, "../action.yml")
	for name, in := range a.Inputs {
		if in.Description == "" || !strings.Contains(text, "inputs."+name+" ") {
			t.Errorf("action.yml: input %s is not described, or not used", name)
		}
	}
	for name, o := range a.Outputs {
		if o.Description == "" || !strings.Contains(o.Value, "${{ steps.") {
			t.Errorf("action.yml: output %s is %q (%s)", name, o.Value, o.Description)
		}
	}
}

package actiontest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is action.yml, as far as it is used here. A key that is not among
// these is an error: the tests would not do what GitHub does.
type action struct {
	Name        string
	Description string
	Author      string
	Branding    map[string]string
	Inputs      map[string]struct {
		Description string
		Required    bool
		Default     string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

// step is one of an action's or a job's steps.
type step struct {
	ID, Name, If, Shell, Run, Uses string
	Env, With                      map[string]string
	WorkingDirectory               string `yaml:"working-directory"`
	ContinueOnError                bool   `yaml:"continue-on-error"`
	TimeoutMinutes                 int    `yaml:"timeout-minutes"`
}

func strict(t *testing.T, path string, into any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(read(t, path)))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readAction(t *testing.T) action {
	t.Helper()
	var a action
	strict(t, "../action.yml", &a)
	return a
}

// runner is a machine that runs the steps of the action as GitHub's do: one
// shell for each, and files through which they talk to the next one.
type runner struct {
	t         *testing.T
	action    action
	inputs    map[string]string // as given; defaults are filled in
	github    map[string]string // values of the context, without "github."
	env       map[string]string // of every step
	workspace string
	temp      string // of the runner
	log       bytes.Buffer
	path      []string            // what steps put in front of the PATH
	artifacts map[string][]string // files of each upload, by the artifact's name
	skipped   []string            // ids of steps that were
	failed    bool
}

// act runs all the steps and returns the action's outputs.
func (r *runner) act() map[string]string {
	r.t.Helper()
	s := scope{values: map[string]string{}}
	for name, in := range r.action.Inputs {
		s.values["inputs."+name] = in.Default
	}
	for name, v := range r.github {
		s.values["github."+name] = v
	}
	s.values["runner.temp"] = r.temp
	for name := range s.values { // defaults may be expressions
		v, err := s.expand(s.values[name])
		if err != nil {
			r.t.Fatalf("%s: %v", name, err)
		}
		s.values[name] = v
	}
	for name, v := range r.inputs {
		if _, known := r.action.Inputs[name]; !known {
			r.t.Fatalf("the action has no input %s", name)
		}
		s.values["inputs."+name] = v
	}
	if r.artifacts == nil {
		r.artifacts = map[string][]string{}
	}
	for i, st := range r.action.Runs.Steps {
		yes, err := s.condition(st.If)
		if err != nil {
			r.t.Fatalf("step %d, %s: if: %v", i, st.Name, err)
		}
		if !yes {
			r.skipped = append(r.skipped, st.ID)
			s.values["steps."+st.ID+".outcome"] = "skipped"
			continue
		}
		outcome := "success"
		if ok := r.step(st, s); !ok {
			outcome = "failure"
			s.failed = s.failed || !st.ContinueOnError
		}
		s.values["steps."+st.ID+".outcome"] = outcome
	}
	r.failed = s.failed
	outputs := map[string]string{}
	for name, o := range r.action.Outputs {
		v, err := s.expand(o.Value)
		if err != nil {
			r.t.Fatalf("output %s: %v", name, err)
		}
		outputs[name] = v
	}
	return outputs
}

// step runs a step and says whether it succeeded.
func (r *runner) step(st step, s scope) bool {
	r.t.Helper()
	value := func(text string) string {
		v, err := s.expand(text)
		if err != nil {
			r.t.Fatalf("step %s: %v", st.Name, err)
		}
		return v
	}
	if st.Uses != "" {
		if !strings.HasPrefix(st.Uses, "actions/upload-artifact@") {
			r.t.Fatalf("step %s uses %s, which the tests cannot run", st.Name, st.Uses)
		}
		return r.upload(value(st.With["name"]), value(st.With["path"]))
	}
	if st.Shell != "bash" || strings.Contains(st.Run, "${{") {
		r.t.Fatalf("step %s: want shell bash and no expressions in the script", st.Name)
	}
	dir := filepath.Join(r.workspace, value(st.WorkingDirectory))
	files := map[string]string{}
	env := maps.Clone(r.env)
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"} {
		files[name] = filepath.Join(r.temp, "_"+name)
		env[name] = files[name]
		if name != "GITHUB_STEP_SUMMARY" { // the summaries of all steps are shown one after the other
			write(r.t, files[name], "")
		}
	}
	for name, v := range st.Env {
		env[name] = value(v)
	}
	env["PATH"] = strings.Join(append(r.path, env["PATH"]), ":")
	script := filepath.Join(r.temp, "_script.sh")
	write(r.t, script, st.Run)
	cmd := exec.CommandContext(r.t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script)
	cmd.Dir = dir
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	fmt.Fprintf(&r.log, "## %s\n", st.Name)
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		r.t.Fatalf("step %s: %v", st.Name, err)
	}
	for name, v := range assignments(r.t, read(r.t, files["GITHUB_OUTPUT"])) {
		s.values["steps."+st.ID+".outputs."+name] = v
	}
	maps.Copy(r.env, assignments(r.t, read(r.t, files["GITHUB_ENV"])))
	for _, line := range strings.Split(read(r.t, files["GITHUB_PATH"]), "\n") {
		if line != "" {
			r.path = append([]string{line}, r.path...)
		}
	}
	return err == nil
}

// upload notes which files an artifact would have.
func (r *runner) upload(name, paths string) bool {
	for _, line := range strings.Fields(paths) {
		matches, err := filepath.Glob(line)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, m := range matches {
			files, err := os.ReadDir(m)
			if err != nil { // it is a file
				r.artifacts[name] = append(r.artifacts[name], m)
			}
			for _, f := range files {
				r.artifacts[name] = append(r.artifacts[name], filepath.Join(m, f.Name()))
			}
		}
	}
	return len(r.artifacts[name]) > 0
}

// assignments reads NAME=VALUE lines, and values between two delimiters.
func assignments(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if name, end, ok := strings.Cut(lines[i], "<<"); ok && !strings.Contains(name, "=") {
			var value []string
			for i++; i < len(lines) && lines[i] != end; i++ {
				value = append(value, lines[i])
			}
			out[name] = strings.Join(value, "\n")
		} else if name, value, ok := strings.Cut(lines[i], "="); ok {
			out[name] = value
		} else if lines[i] != "" {
			t.Fatalf("%q assigns nothing", lines[i])
		}
	}
	return out
}

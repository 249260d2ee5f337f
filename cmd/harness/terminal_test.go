package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// brief is a run of two plugins that is over soon, and long enough to be
// watched.
const brief = `version: 1
targets: {main: {url: "http://127.0.0.1:1"}}
suites:
  default:
    load: {duration: 1500ms, warmup: 500ms, rounds: 2}
    benchmarks:
      - {use: api/http, name: away, target: main, with: {path: /x}}
      - {use: system/cpu, name: first}
      - {use: system/cpu, name: second}
`

const progressLine = `(?m)^\[[123]/3\] (api/away \(\d+ users\)  failed: |system/(first|second) \(1 user\)  mean )`

func TestWithoutATerminalProgressIsPlainLinesAndStdoutOnlyTheReport(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", brief)
	o := p.harness("run")
	if got := len(regexp.MustCompile(progressLine).FindAllString(o.stderr, -1)); got != 3 {
		t.Errorf("%d lines of progress, want 3", got)
	}
	if strings.ContainsAny(o.stdout+o.stderr, "\x1b\r") {
		t.Error("there are control characters")
	}
	if !strings.HasPrefix(o.stdout, "harness · ") || strings.Contains(o.stdout, "[1/3]") || strings.Contains(o.stdout, "wrote") {
		t.Errorf("stdout carries more than the report")
	}
	if strings.Contains(o.stderr, "\nSystem\n") {
		t.Errorf("stderr carries the report")
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", o.stdout, o.stderr)
	}
}

func TestUnderGitHubActionsTheLinesAreGrouped(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", brief)
	p.env = append(p.env, "GITHUB_ACTIONS=true")
	o := p.harness("run")
	marks := regexp.MustCompile(`(?m)^::.*$`).FindAllString(o.stderr, -1)
	if got, want := strings.Join(marks, " "), "::group::api ::endgroup:: ::group::system ::endgroup::"; got != want {
		t.Errorf("groups are %q, want %q", got, want)
	}
	end := strings.LastIndex(o.stderr, "::endgroup::")
	if at := strings.Index(o.stderr, "harness: api/away: "); at < end {
		t.Errorf("what went wrong is folded away:\n%s", o.stderr)
	}
}

var (
	color = regexp.MustCompile("\x1b\\[[0-9;]*m")
	erase = "\r\x1b[K"
)

func TestOnATerminalOneLineLives(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", brief)
	p.env = append(p.env, "TERM=xterm")
	out := p.onTerminal("run")
	if !color.MatchString(out) {
		t.Error("the report has no colour")
	}
	live := strings.Split(color.ReplaceAllString(out, ""), erase)
	for what, pattern := range map[string]string{
		"the set-up":                `^\[2/3\] system/first  preparing$`,
		"the warm-up":               `^\[2/3\] system/first \(1 user\)  warming up .*\d+s left$`,
		"round, rate, p95 and time": `^\[2/3\] system/first \(1 user\)  round [12]/2  [\d.]+( k|)/s  p95 [\d.]+ .?s  \d+s left$`,
	} {
		re, seen := regexp.MustCompile(pattern), false
		for _, l := range live {
			seen = seen || re.MatchString(l)
		}
		if !seen {
			t.Errorf("the live line never showed %s", what)
		}
	}
	// What stays on the screen: a line that was erased is gone.
	stays := regexp.MustCompile(`[^\n]*`+regexp.QuoteMeta(erase)).ReplaceAllString(color.ReplaceAllString(out, ""), "")
	if got := len(regexp.MustCompile(progressLine).FindAllString(stays, -1)); got != 3 {
		t.Errorf("%d lines of progress stay, want 3", got)
	}
	if strings.Contains(stays, "preparing") || strings.Contains(stays, " left\n") || strings.ContainsAny(stays, "\x1b\r") {
		t.Errorf("a part of the live line stays")
	}
	if t.Failed() {
		t.Logf("%q", out)
	}
}

func TestNoColorIsHonouredOnATerminal(t *testing.T) {
	for _, set := range []string{"NO_COLOR=1", "TERM=dumb"} {
		t.Run(set, func(t *testing.T) {
			p := newPlace(t)
			p.write("harness.yaml", strings.ReplaceAll(brief, "1500ms", "100ms"))
			p.env = append(p.env, "TERM=xterm", set)
			out := p.onTerminal("run")
			if color.MatchString(out) {
				t.Error("there is colour")
			}
			if strings.Contains(out, erase) != (set == "NO_COLOR=1") {
				t.Error("a live line is shown on a terminal that cannot erase it, or none on one that can")
			}
		})
	}
}

// onTerminal runs a harness command on a pseudo-terminal and returns what it
// printed there, with the terminal's line ends taken out.
func (p *place) onTerminal(args ...string) string {
	p.t.Helper()
	if _, err := exec.LookPath("script"); err != nil || runtime.GOOS != "linux" {
		absent(p.t, "needs the script command of util-linux, which gives a program a terminal; install util-linux")
	}
	cmd := p.command()
	path, err := exec.LookPath("script")
	if err != nil {
		p.t.Fatal(err)
	}
	cmd.Path, cmd.Args = path, []string{"script", "-qec", binary + " " + strings.Join(args, " "), "/dev/null"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the exit code is not what is tested
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

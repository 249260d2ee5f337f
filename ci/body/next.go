package body

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// maxCommand is the length in bytes of the longest command that is shown.
const maxCommand = 1500

// next says what to do about the verdict, with the commands for it.
func (j *judgement) next(o Options) string {
	var b strings.Builder
	say := func(text, command string) {
		if command == "" {
			b.WriteString("\n" + strings.TrimSuffix(strings.TrimSuffix(text, "."), ":") + ".\n")
			return
		}
		b.WriteString("\n" + text + "\n\n" + commandBlock(command))
	}
	again := o.Reproduce
	switch {
	case j.count(regressed) > 0:
		say("**Next:** measure the same on your machine and repair it, or accept it "+j.acceptWhere()+":", again)
	case j.count(missed) > 0:
		say("**Next:** measure the same on your machine. A budget is an absolute limit, in the configuration file under `budgets`.", again)
	case j.count(stopped) > 0:
		say("**Next:** make it run; a benchmark that does not run can neither pass nor regress.", again)
	case j.count(untrusted) > 0:
		say("**Next:** run the job again. If it stays invalid, `harness doctor` on that machine says what disturbs it.", again)
	case j.interrupted:
		say("**Next:** run the job again.", "")
	case j.unrepeated() > 0:
		say("**Next:** "+plural(j.unrepeated(), "gating metric")+" stood out by the thresholds that hold here, and the repeat that would confirm it is not in the documents. Measure both sides again by these thresholds:", again)
	case j.open > 0:
		say("**Next:** "+j.moreRounds(), again)
	case j.metrics == j.count(fresh) && j.problem() == "":
		save := o.SaveBaseline
		if save == "" {
			save = "harness baseline save main"
		}
		say("**Next:** save a baseline on the base branch, and the next run has something to compare with:", save)
	case j.unknown > 0:
		say("**Next:** "+are(j.unknown, "gating metric")+" not compared; the reason is in the folded tables. Measuring both sides in turns on one machine compares them.", again)
	case j.unmeasured > 0:
		say("**Next:** "+are(j.unmeasured, "budget")+" not measured; the reason is in the folded table.", "")
	case j.blocks:
		say("**Next:** the log of the run says more.", again)
	}
	return b.String()
}

func (j *judgement) acceptWhere() string {
	if j.accept() != "" {
		return "as below"
	}
	return "in `.harness/acknowledged.yaml`"
}

// unrepeated counts the gating metrics that only a repeat can judge, and that
// have none.
func (j *judgement) unrepeated() int {
	n := 0
	for _, k := range []kind{undecided, unjudged} {
		for _, i := range j.items[k] {
			if i.row.Gate && i.row.Reason == verdict.NotRepeated {
				n++
			}
		}
	}
	return n
}

// moreRounds says how many rounds would decide what is undecided.
func (j *judgement) moreRounds() string {
	most := 0
	for _, k := range []kind{undecided, unjudged} {
		for _, i := range j.items[k] {
			if i.row.Gate {
				most = max(most, i.row.RoundsNeeded)
			}
		}
	}
	s := are(j.open, "gating metric") + " undecided: the numbers vary too much to say. "
	if most == 0 {
		return s + "More rounds would decide."
	}
	flag := "--rounds"
	if l := j.legs[0]; l.Comparison != nil && l.Comparison.Method.Design == verdict.Interleaved {
		flag = "--looks"
	}
	return s + fmt.Sprintf("About %s rounds a side would decide (`%s %d`).", number(most), flag, most)
}

// commandBlock fences a command. A fence of backticks longer than any in the
// command cannot be closed by it.
func commandBlock(command string) string {
	if len(command) > maxCommand {
		return "The command is too long to stand here; the log of the run has it.\n"
	}
	var lines []string
	for _, line := range strings.Split(command, "\n") {
		if line = unseen(line); line != "" {
			lines = append(lines, line)
		}
	}
	return fenced("sh", strings.Join(lines, "\n"))
}

// unseen takes out what a reader cannot see, and so would not know to run.
func unseen(line string) string {
	return strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, result.Printable(line, maxCommand))
}

func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + text + "\n" + fence + "\n"
}

// maxAccept and maxEntries are how many regressions are made into entries to
// copy, and how many bytes of them.
const (
	maxAccept  = 10
	maxEntries = 2500
)

// accept is what to commit to accept the regressions; "" where there are none.
func (j *judgement) accept() string {
	items := j.items[regressed]
	if len(items) == 0 || len(items) > maxAccept {
		return ""
	}
	lines := []string{"version: 1", "acknowledged:"}
	seen := map[string]bool{}
	for _, i := range items {
		r := i.row
		line := fmt.Sprintf("  - {benchmark: %s, metric: %s, reason: \"why\", until: YYYY-MM-DD", quoted(r.Benchmark), quoted(r.Metric))
		if !seen[line] {
			lines = append(lines, line+upTo(i)+"}")
		}
		seen[line] = true
	}
	entries := strings.Join(lines, "\n")
	if len(entries) > maxEntries {
		return ""
	}
	return folded("How to accept "+acceptThem(len(items))) +
		"Add this to `.harness/acknowledged.yaml`, with a reason and the last day on which it holds:\n\n" +
		fenced("yaml", entries) + foldedEnd
}

func acceptThem(n int) string {
	if n == 1 {
		return "this regression"
	}
	return "these regressions"
}

// upTo leaves room for what the interval leaves open.
func upTo(i item) string {
	r := i.row
	if r.Worse == nil || r.Low == nil || r.High == nil || r.Scale != "ratio" {
		return ""
	}
	worst := max(*r.High, -*r.Low)
	if worst <= 0 || worst > 10 {
		return ""
	}
	return ", up_to: " + strconv.Itoa(int(worst*100)+1) + "%"
}

// quoted is a scalar of YAML: a string of JSON is one. What a reader could not
// see or would take for a pattern's own sign stays escaped.
func quoted(s string) string { return strconv.QuoteToASCII(plain(s)) }

package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// conditionFacts are the conditions that were made for the run: CPUs of one's
// own, and a wait for a quiet machine.
func conditionFacts(run *result.Run) []fact {
	var out []fact
	for _, side := range []struct {
		label string
		of    func(*result.Isolation) string
	}{
		{"CPUs of plugins", func(i *result.Isolation) string { return i.Generator }},
		{"CPUs of targets", func(i *result.Isolation) string { return i.Target }},
	} {
		out = append(out, fact{side.label, cpusText(run, side.of)})
	}
	if w := run.WaitQuiet; w != nil {
		how := "quiet"
		if !w.Quiet {
			how = "not quiet in the end"
		}
		out = append(out, fact{"Wait for a quiet machine", fmt.Sprintf("%s of %s at most, %s", Quantity(w.Waited, "s"), Quantity(w.Most, "s"), how)})
	}
	return out
}

// cpusText is a list that all scenarios share, or each list with its
// benchmarks; empty where none has any.
func cpusText(run *result.Run, of func(*result.Isolation) string) string {
	var lists []string
	ids := map[string][]string{}
	for _, b := range run.Benchmarks {
		list := "any"
		if b.Isolation != nil && of(b.Isolation) != "" {
			list = clean(of(b.Isolation))
		}
		if !slices.Contains(lists, list) {
			lists = append(lists, list)
		}
		if id := clean(b.ID); !slices.Contains(ids[list], id) {
			ids[list] = append(ids[list], id)
		}
	}
	switch {
	case len(lists) == 0 || len(lists) == 1 && lists[0] == "any":
		return ""
	case len(lists) == 1:
		return lists[0]
	}
	var parts []string
	for _, list := range lists {
		parts = append(parts, fmt.Sprintf("%s (%s)", list, strings.Join(ids[list], ", ")))
	}
	return strings.Join(parts, "; ")
}

// untilWords say how rounds ended.
var untilWords = map[string]string{
	result.UntilReached: "known", result.UntilBound: "not known: no more rounds were allowed",
	result.UntilAbsent: "not known: it has no value", result.UntilStopped: "not known: the run ended before",
}

// untilTable is how well the metrics are known that rounds were added for, nil
// without any.
func untilTable(run *result.Run) *table {
	t := &table{
		ID: "until", Title: "Rounds added until a metric was known",
		Columns:   []column{{Title: "Benchmark"}, {Title: "Metric", Key: true}, {Title: "Asked", Number: true}, {Title: "Known to", Number: true}, {Title: "Rounds", Number: true}, {Title: "Ended", Spare: 1}},
		Footnotes: []string{"Known to: half the width of the 95% interval of the mean over rounds. It was looked at after every round, so it holds the truth less often than in 95 of 100 runs: docs/verdicts.md says by how much."},
	}
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		if b.Until == nil {
			continue
		}
		t.Rows = append(t.Rows, untilRow(run, b))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func untilRow(run *result.Run, b *result.Benchmark) row {
	u, unit := b.Until, "%"
	if i := slices.IndexFunc(b.Metrics, func(m result.Metric) bool { return m.Name == u.Metric }); i >= 0 && b.Metrics[i].Scale == "absolute" {
		unit = " points"
	}
	text := func(x float64) string { return "±" + digits(100*x) + unit }
	known := "n/a"
	if u.HalfWidth != nil {
		known = text(*u.HalfWidth)
	}
	r := row{Cells: texts(scenarioName(run, b), clean(u.Metric), text(u.Within), known, fmt.Sprintf("%d of up to %d", len(b.Rounds), u.MaxRounds), untilWords[u.Ended])}
	if u.Ended == result.UntilReached {
		r.Cells[5].State = good
	}
	return r
}

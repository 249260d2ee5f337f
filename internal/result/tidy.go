package result

// tidy makes the text that plugins put into a document printable, in place.
// Rounds are tidied by [NewRound].
func tidy(run *Run) {
	for i := range run.Plugins {
		p := &run.Plugins[i]
		printable(maxName, &p.Version, &p.SDK, &p.Table.Title, &p.Table.Subject)
		var columns []Column
		for _, c := range p.Table.Columns {
			printable(maxName, &c.Title, &c.Metric)
			if c.Metric == "" {
				continue // nothing can be under it
			}
			if c.Title == "" {
				c.Title = c.Metric
			}
			columns = append(columns, c)
		}
		p.Table.Columns = columns
	}
	for i := range run.Benchmarks {
		tidyBenchmark(&run.Benchmarks[i])
	}
}

func tidyBenchmark(b *Benchmark) {
	printable(maxProse, &b.Doc, &b.WorkloadDigest, &b.Reason, &b.Remedy)
	if b.Reason == "" && b.Status != Measured {
		b.Reason = "no reason was given"
	}
	provenance := make(map[string]string, len(b.Provenance))
	for k, v := range b.Provenance {
		printable(maxName, &k)
		printable(maxProse, &v)
		if k != "" {
			provenance[k] = v
		}
	}
	b.Provenance = provenance
	var figures []Figure
	for _, f := range b.Figures {
		printable(maxName, &f.Name, &f.Unit)
		if f.Name != "" && finite(f.Value) {
			figures = append(figures, f)
		}
	}
	b.Figures = figures
}

// maxProse is the length in bytes of the longest free text in a document.
const maxProse = 4000

func printable(limit int, ss ...*string) {
	for _, s := range ss {
		*s = Printable(*s, limit)
	}
}

package catalog

import (
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk"
)

// Limits in bytes of what a plugin says of itself.
const (
	maxDoc  = 400
	maxWord = 60
)

// tidy makes the free text of a description from foreign code printable: it is
// shown on terminals and in tables. The names of the plugin, its benchmarks,
// presets and metrics have been checked before.
func tidy(p *sdk.Plugin) {
	printable(maxWord, &p.Version, &p.Table.Title, &p.Table.Subject)
	printable(maxDoc, &p.Doc)
	for i := range p.Table.Columns {
		printable(maxWord, &p.Table.Columns[i].Title)
	}
	for i := range p.Benchmarks {
		b := &p.Benchmarks[i]
		printable(maxDoc, &b.Doc)
		printable(maxWord, &b.Target)
		for k := range b.Presets {
			printable(maxDoc, &b.Presets[k].Doc)
		}
		for k := range b.Metrics {
			printable(maxWord, &b.Metrics[k].Unit)
			printable(maxDoc, &b.Metrics[k].Doc)
		}
		tidyParams(b.Params)
	}
}

func tidyParams(params []sdk.Param) {
	for i := range params {
		p := &params[i]
		printable(maxDoc, &p.Name, &p.Doc)
		for k := range p.Enum {
			printable(maxDoc, &p.Enum[k])
		}
		tidyParams(p.Fields)
		if p.Elem != nil {
			elem := []sdk.Param{*p.Elem}
			tidyParams(elem)
			p.Elem = &elem[0]
		}
	}
}

func printable(most int, texts ...*string) {
	for _, s := range texts {
		*s = result.Printable(*s, most)
	}
}

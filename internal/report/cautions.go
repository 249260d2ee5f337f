package report

import (
	"fmt"
	"slices"

	"github.com/benchharness/harness/internal/result"
)

// sharedFrom is how many rows must have a caution for it to be said once below
// the table, with a mark at each of them, and not in every row again.
const sharedFrom = 3

// sharedCaution is a caution that several rows of a table have.
type sharedCaution struct {
	code, mark string
	rows       int
	example    string // the message of the first row
	of         string // that row
}

// sharedCautions finds them, in the order of their first rows.
func sharedCautions(bs []*result.Benchmark) []sharedCaution {
	var all []sharedCaution
	for _, b := range bs {
		seen := map[string]bool{}
		for _, f := range b.Validity {
			if f.Level != "caution" || seen[f.Code] {
				continue
			}
			seen[f.Code] = true
			if c := findShared(all, f.Code); c != nil {
				c.rows++
			} else {
				all = append(all, sharedCaution{code: f.Code, rows: 1, example: clean(f.Message), of: b.ID})
			}
		}
	}
	all = slices.DeleteFunc(all, func(c sharedCaution) bool { return c.rows < sharedFrom })
	for i := range all {
		all[i].mark = fmt.Sprintf("[%c]", 'a'+i%26)
	}
	return all
}

func findShared(all []sharedCaution, code string) *sharedCaution {
	i := slices.IndexFunc(all, func(c sharedCaution) bool { return c.code == code })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func (c sharedCaution) text() string {
	return fmt.Sprintf("%s caution in %d rows, in %s for example: %s", c.mark, c.rows, clean(c.of), c.example)
}

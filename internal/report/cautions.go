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

// remark is something said about a row; remarks with the same code are one.
type remark struct{ code, text, of string }

// sharedCautions finds them, in the order of their first rows.
func sharedCautions(bs []*result.Benchmark) []sharedCaution {
	var all []remark
	for _, b := range bs {
		seen := map[string]bool{}
		for _, f := range b.Validity {
			if f.Level != "caution" || seen[f.Code] {
				continue
			}
			seen[f.Code] = true
			all = append(all, remark{f.Code, clean(f.Message), b.ID})
		}
	}
	return share(all, 'a')
}

// share returns the remarks of at least [sharedFrom] rows, marked from first
// on.
func share(all []remark, first rune) []sharedCaution {
	var out []sharedCaution
	at := map[string]int{}
	for _, r := range all {
		i, seen := at[r.code]
		if !seen {
			i = len(out)
			at[r.code] = i
			out = append(out, sharedCaution{code: r.code, example: r.text, of: r.of})
		}
		out[i].rows++
	}
	out = slices.DeleteFunc(out, func(c sharedCaution) bool { return c.rows < sharedFrom })
	for i := range out {
		out[i].mark = fmt.Sprintf("[%c]", first+rune(i%26))
	}
	return out
}

func findShared(all []sharedCaution, code string) *sharedCaution {
	i := slices.IndexFunc(all, func(c sharedCaution) bool { return c.code == code })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func (c sharedCaution) text() string {
	return fmt.Sprintf("%s caution %s in %d rows, in %s for example: %s", c.mark, result.Printable(c.code, maxCode), c.rows, clean(c.of), c.example)
}

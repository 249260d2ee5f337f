package vector

import (
	"fmt"
	"slices"
	"strings"
)

// nearestName is the one of names that takes the fewest edits to become name.
func nearestName(name string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int {
		return edits(strings.ToLower(name), strings.ToLower(a)) - edits(strings.ToLower(name), strings.ToLower(b))
	})
}

// edits is the Levenshtein distance: insertions, deletions and replacements of
// single bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func quotedList(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, ", ")
}

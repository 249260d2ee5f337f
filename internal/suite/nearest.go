package suite

import "strings"

// Nearest returns the candidate that a person who typed name most likely
// meant, or "" when none is near: up to one mistake in every three letters,
// where a mistake is a letter too many, missing, wrong, or two swapped. Upper
// and lower case count as the same. The first of equally near ones wins.
func Nearest(name string, candidates []string) string {
	typed := []rune(strings.ToLower(name))
	best, bestAt := "", -1
	for _, c := range candidates {
		want := []rune(strings.ToLower(c))
		allowed := max(1, max(len(typed), len(want))/3)
		if diff := len(typed) - len(want); diff > allowed || -diff > allowed {
			continue
		}
		if d := distance(typed, want); d <= allowed && (bestAt < 0 || d < bestAt) {
			best, bestAt = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: Levenshtein's, with a
// swap of neighbours as one step.
func distance(a, b []rune) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean is the end of an error about an unknown name: the nearest one,
// and all of them when they are few.
func didYouMean(name string, candidates []string) string {
	var s string
	if n := Nearest(name, candidates); n != "" {
		s = "; did you mean " + n + "?"
	}
	const few = 24
	if len(candidates) > 0 && len(candidates) <= few {
		s += " (known: " + strings.Join(candidates, ", ") + ")"
	}
	return s
}

// Match says whether a pattern covers an id. `*` stands for any number of
// characters, slashes included; everything else stands for itself.
func Match(pattern, id string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == id
	}
	if !strings.HasPrefix(id, first) {
		return false
	}
	id = id[len(first):]
	parts := strings.Split(rest, "*")
	for _, part := range parts[:len(parts)-1] {
		i := strings.Index(id, part)
		if i < 0 {
			return false
		}
		id = id[i+len(part):]
	}
	return strings.HasSuffix(id, parts[len(parts)-1])
}

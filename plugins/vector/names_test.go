package vector

import "testing"

func TestTheNearestNameTakesTheFewestEdits(t *testing.T) {
	for _, c := range []struct {
		name  string
		names []string
		want  string
	}{
		{"docs", []string{"dogs_and_cats", "doc", "images"}, "doc"},
		{"DOCS", []string{"images", "docs"}, "docs"},
		{"minilm", []string{"phi3_embeddings", "minilm_general"}, "minilm_general"},
		{"x", []string{"y"}, "y"},
	} {
		if got := nearestName(c.name, c.names); got != c.want {
			t.Errorf("nearest to %q is %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"docs", "docs", 0}, {"ab", "ba", 2}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q to %q takes %d edits, want %d", c.a, c.b, got, c.want)
		}
	}
}

package vector

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/sdk"
)

// pointID is a point's id in a form that can be compared: a number, or a UUID
// as the server writes it.
type pointID struct {
	number uint64
	uuid   string
}

func (a pointID) compare(b pointID) int {
	if a.uuid == "" && b.uuid == "" {
		return cmp.Compare(a.number, b.number)
	}
	return cmp.Or(cmp.Compare(a.uuid, b.uuid), cmp.Compare(a.number, b.number))
}

func (a pointID) String() string {
	if a.uuid != "" {
		return a.uuid
	}
	return fmt.Sprint(a.number)
}

func idOf(id *qdrant.PointId) pointID {
	return pointID{number: id.GetNum(), uuid: id.GetUuid()}
}

// truth is the right answer to one query.
type truth struct {
	// size is how many points a right answer has: k, or all there are.
	size int
	// strict are those that every right answer has, in order of their ids.
	strict []pointID
	// tied are equally near, in order of their ids: any of them may take the
	// places that are left.
	tied []pointID
}

// recall is the share of a right answer that the ids, sorted, hold.
func (t *truth) recall(sorted []pointID) float64 {
	if t.size == 0 {
		return 1
	}
	n := common(sorted, t.strict) + min(common(sorted, t.tied), t.size-len(t.strict))
	return float64(n) / float64(t.size)
}

// common counts what two sorted lists share.
func common(a, b []pointID) int {
	n := 0
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].compare(b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			n++
			a, b = a[1:], b[1:]
		}
	}
	return n
}

// checker checks answers. It belongs to one worker.
type checker struct {
	want      int  // hits of an answer
	ascending bool // scores are distances
	ids       []pointID
}

func newChecker(want int, distance qdrant.Distance) checker {
	return checker{
		want: want, ids: make([]pointID, 0, want),
		ascending: distance == qdrant.Distance_Euclid || distance == qdrant.Distance_Manhattan,
	}
}

// check says what is wrong with an answer: not as many hits as there must be,
// an id twice, a score that is no number, or hits out of order. It leaves the
// ids, sorted, in c.ids.
func (c *checker) check(query int, hits []*qdrant.ScoredPoint) error {
	switch {
	case len(hits) < c.want:
		return sdk.Classify(classTooFew, fmt.Errorf("query %d: %d hits, want %d", query, len(hits), c.want))
	case len(hits) > c.want:
		return sdk.Classify(classTooMany, fmt.Errorf("query %d: %d hits, want %d", query, len(hits), c.want))
	}
	c.ids = c.ids[:0]
	for i, h := range hits {
		score := h.GetScore()
		if score-score != 0 { // NaN and infinities
			return sdk.Classify(classBadScore, fmt.Errorf("query %d: hit %d has a score of %v", query, i, score))
		}
		if i > 0 {
			if before := hits[i-1].GetScore(); before != score && (before < score) != c.ascending {
				return sdk.Classify(classBadOrder, fmt.Errorf("query %d: hit %d has a score of %v, behind one of %v", query, i, score, before))
			}
		}
		c.ids = append(c.ids, idOf(h.GetId()))
	}
	slices.SortFunc(c.ids, pointID.compare)
	for i := 1; i < len(c.ids); i++ {
		if c.ids[i] == c.ids[i-1] {
			return sdk.Classify(classDuplicate, fmt.Errorf("query %d: point %v is in the answer twice", query, c.ids[i]))
		}
	}
	return nil
}

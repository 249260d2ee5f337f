package vector

import (
	"math"
	"testing"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/sdk"
)

func numbers(n ...uint64) []pointID {
	var out []pointID
	for _, x := range n {
		out = append(out, pointID{number: x})
	}
	return out
}

func TestRecallCountsWhatARightAnswerHas(t *testing.T) {
	for _, c := range []struct {
		name   string
		truth  truth
		answer []pointID
		want   float64
	}{
		{"all of them", truth{size: 3, strict: numbers(1, 2), tied: numbers(3)}, numbers(1, 2, 3), 1},
		{"none of them", truth{size: 3, strict: numbers(1, 2), tied: numbers(3)}, numbers(4, 5, 6), 0},
		{"one is missing", truth{size: 4, strict: numbers(1, 2, 3), tied: numbers(9)}, numbers(1, 3, 5, 9), 0.75},
		{"any of the tied will do", truth{size: 2, strict: numbers(1), tied: numbers(5, 6, 7)}, numbers(1, 7), 1},
		{"tied points do not replace a nearer one", truth{size: 2, strict: numbers(1), tied: numbers(5, 6)}, numbers(5, 6), 0.5},
		{"all are tied", truth{size: 2, tied: numbers(1, 2, 3, 4)}, numbers(2, 4), 1},
		{"fewer points than k", truth{size: 2, strict: numbers(1, 2)}, numbers(1, 2), 1},
		{"nothing there to find", truth{}, nil, 1},
		{"an empty answer", truth{size: 1, strict: numbers(1)}, nil, 0},
		{"numbers are not UUIDs", truth{size: 1, strict: []pointID{{uuid: uuid(1)}}}, numbers(1), 0},
		{"UUIDs", truth{size: 2, strict: []pointID{{uuid: uuid(1)}}, tied: []pointID{{uuid: uuid(2)}}}, []pointID{{uuid: uuid(1)}, {uuid: uuid(3)}}, 0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.truth.recall(c.answer); got != c.want {
				t.Errorf("recall is %v, want %v", got, c.want)
			}
		})
	}
}

func scored(id uint64, score float64) *qdrant.ScoredPoint {
	return &qdrant.ScoredPoint{Id: qdrant.NewIDNum(id), Score: float32(score)}
}

func TestACheckFindsWhatIsWrongWithAnAnswer(t *testing.T) {
	cosine, euclid := qdrant.Distance_Cosine, qdrant.Distance_Euclid
	for _, c := range []struct {
		name     string
		distance qdrant.Distance
		hits     []*qdrant.ScoredPoint
		class    string
	}{
		{"in order", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, .8), scored(2, -.1)}, ""},
		{"equal scores", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, .9), scored(2, .9)}, ""},
		{"distances in order", euclid, []*qdrant.ScoredPoint{scored(3, 0), scored(1, 2), scored(2, 2)}, ""},
		{"Manhattan distances in order", qdrant.Distance_Manhattan, []*qdrant.ScoredPoint{scored(3, 0), scored(1, 2), scored(2, 5)}, ""},
		{"rising scores", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, .8), scored(2, .85)}, classBadOrder},
		{"falling distances", euclid, []*qdrant.ScoredPoint{scored(3, 3), scored(1, 2), scored(2, 1)}, classBadOrder},
		{"too few", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, .8)}, classTooFew},
		{"none", cosine, nil, classTooFew},
		{"too many", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, .8), scored(2, .7), scored(4, .6)}, classTooMany},
		{"twice the same", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, .8), scored(3, .7)}, classDuplicate},
		{"NaN", cosine, []*qdrant.ScoredPoint{scored(3, .9), scored(1, math.NaN()), scored(2, .7)}, classBadScore},
		{"infinity", euclid, []*qdrant.ScoredPoint{scored(3, .9), scored(1, 1), scored(2, math.Inf(1))}, classBadScore},
	} {
		t.Run(c.name, func(t *testing.T) {
			checker := newChecker(3, c.distance)
			err := checker.check(0, c.hits)
			if c.class == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			if err == nil || sdk.Class(err) != c.class {
				t.Errorf("got %v, want class %s", err, c.class)
			}
		})
	}
}

func TestCheckingAnAnswerAllocatesNothing(t *testing.T) {
	hits := []*qdrant.ScoredPoint{scored(3, .9), scored(1, .8), scored(2, .7)}
	right := truth{size: 3, strict: numbers(1, 2), tied: numbers(3, 4)}
	checker := newChecker(3, qdrant.Distance_Cosine)
	if n := testing.AllocsPerRun(100, func() {
		if err := checker.check(0, hits); err != nil || right.recall(checker.ids) != 1 {
			t.Fatalf("%v, recall %v", err, right.recall(checker.ids))
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

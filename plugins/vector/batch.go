package vector

import (
	"context"
	"fmt"

	"github.com/benchharness/harness/sdk"
)

// doBatch asks several queries in one call: the op's number of them, from where
// the op before left off. The op's recall is their mean.
func (w *worker) doBatch(ctx context.Context, op *sdk.Op) error {
	n, size := uint64(len(w.queries)), uint64(len(w.batch.QueryPoints))
	first := op.Index * size
	for j := range w.batch.QueryPoints {
		w.batch.QueryPoints[j] = w.requests[(first+uint64(j))%n]
	}
	answers, err := w.client.Points().QueryBatch(ctx, w.batch)
	if err != nil {
		return classify(err)
	}
	results := answers.GetResult()
	switch {
	case uint64(len(results)) < size:
		return sdk.Classify(classTooFew, fmt.Errorf("%d answers to a batch of %d queries", len(results), size))
	case uint64(len(results)) > size:
		return sdk.Classify(classTooMany, fmt.Errorf("%d answers to a batch of %d queries", len(results), size))
	}
	var sum float64
	for j, r := range results {
		recall, err := w.judgeHits(int((first+uint64(j))%n), r.GetResult())
		if err != nil {
			return err
		}
		sum += recall
	}
	if w.truths != nil {
		op.Record(metricRecall, sum/float64(size))
	}
	op.Record(metricQueries, float64(size))
	return nil
}

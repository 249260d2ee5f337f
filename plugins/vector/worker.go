package vector

import (
	"context"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/sdk"
)

// requests are the messages of all queries, made once and only read by the
// workers.
type requests []*qdrant.QueryPoints

func (s *session) newRequests() requests {
	params := &qdrant.SearchParams{}
	if s.params.Exact {
		params.Exact = qdrant.PtrOf(true)
	}
	if s.params.EF > 0 {
		params.HnswEf = qdrant.PtrOf(uint64(s.params.EF))
	}
	limit, filter := qdrant.PtrOf(uint64(s.params.K)), s.params.filter()
	out := make(requests, len(s.queries))
	for i, v := range s.queries {
		out[i] = &qdrant.QueryPoints{
			CollectionName: s.name, Query: qdrant.NewQueryDense(v), Limit: limit, Filter: filter, Params: params,
		}
		if s.vector != "" {
			out[i].Using = &s.vector
		}
	}
	return out
}

// Worker opens the worker's connection, so that no op pays for it.
func (s *session) Worker(ctx context.Context, n int) (sdk.Worker, error) {
	w := s.newWorker()
	if _, err := w.client.Qdrant().HealthCheck(ctx, &qdrant.HealthCheckRequest{}); err != nil {
		return nil, s.server.down("connect", err)
	}
	return w, nil
}

// worker does ops over one of the shared connections.
type worker struct {
	*session
	client  *qdrant.GrpcClient
	checker checker
	batch   *qdrant.QueryBatchPoints // nil where an op is one query

	answer *qdrant.QueryResponse // of the last query
}

func (s *session) newWorker() *worker {
	w := &worker{
		// The connections come in turn: each is shared by the same workers for good.
		session: s, client: s.server.client.GetGrpcClient(),
		checker: newChecker(int(min(uint64(s.params.K), s.matching)), s.distance),
	}
	if s.params.Batch > 1 {
		w.batch = &qdrant.QueryBatchPoints{CollectionName: s.name, QueryPoints: make([]*qdrant.QueryPoints, s.params.Batch)}
	}
	return w
}

// Do asks the op's query, or batch of queries, and checks the answer.
func (w *worker) Do(ctx context.Context, op *sdk.Op) error {
	if w.batch != nil {
		return w.doBatch(ctx, op)
	}
	i := int(op.Index % uint64(len(w.queries)))
	if err := w.query(ctx, i); err != nil {
		return err
	}
	recall, err := w.judge(i)
	if err == nil && w.truths != nil {
		op.Record(metricRecall, recall)
	}
	return err
}

// query asks one query; the answer is in w.answer.
func (w *worker) query(ctx context.Context, i int) (err error) {
	if w.answer, err = w.client.Points().Query(ctx, w.requests[i]); err != nil {
		return classify(err)
	}
	return nil
}

// ask is query with a time limit of its own.
func (w *worker) ask(ctx context.Context, i int, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return w.query(ctx, i)
}

// judge checks the answer and gives its recall, 1 where that is unknown.
func (w *worker) judge(i int) (float64, error) {
	return w.judgeHits(i, w.answer.GetResult())
}

func (w *worker) judgeHits(i int, hits []*qdrant.ScoredPoint) (float64, error) {
	if err := w.checker.check(i, hits); err != nil {
		return 0, err
	}
	if w.truths == nil {
		return 1, nil
	}
	return w.truths[i].recall(w.checker.ids), nil
}

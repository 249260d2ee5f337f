package vector

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/benchharness/harness/plugins/internal/clustered"
	"github.com/benchharness/harness/sdk"
)

// session is a collection that is ready to be searched, and what is right.
type session struct {
	request sdk.SetupRequest
	params  params
	server  *server
	collection
	own        bool // made by this session, which deletes it
	queries    [][]float32
	requests   requests
	truths     []truth // one for each query; nil: unknown
	noTruth    string  // why
	provenance map[string]string
	figures    []sdk.Figure
}

// connectionsFor shares connections among workers: one carries many calls at
// once, and writes what several of them send with one system call.
func connectionsFor(asked, workers int) int {
	if asked > 0 {
		return asked
	}
	return min(max(1, (workers+15)/16), 16)
}

func setup(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	p, err := readParams(r.Params)
	if err != nil {
		return nil, err
	}
	srv, err := dial(r.Target, connectionsFor(p.Connections, r.MaxWorkers), p.TLSInsecure)
	if err != nil {
		return nil, err
	}
	s := &session{request: r, params: p, server: srv, provenance: map[string]string{}}
	if err := s.prepare(ctx); err != nil {
		s.request.KeepData = false // half a collection is of no use
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) error {
	err := s.server.identify(ctx, s.request.Timeout)
	if err != nil {
		return err
	}
	if s.params.Collection != "" {
		err = s.prepareExisting(ctx)
	} else {
		err = s.prepareGenerated(ctx)
	}
	if err != nil {
		return err
	}
	s.requests = s.newRequests()
	return s.rehearse(ctx)
}

func (s *session) prepareExisting(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.sampleQueries(ctx); err != nil {
		return err
	}
	s.provenance["data"] = "existing collection, only read"
	s.provenance["queries"] = fmt.Sprintf("%d, stored vectors with noise of %v of their length", len(s.queries), queryNoise)
	start := time.Now()
	if err := s.exactAnswers(ctx); err != nil {
		return err
	}
	s.figure("ground_truth_seconds", time.Since(start))
	return nil
}

func (s *session) prepareGenerated(ctx context.Context) error {
	s.dim, s.distance, s.points = s.params.Dim, distances[s.params.Distance], uint64(s.params.Points)
	if s.dim == 0 {
		s.dim = defaultDim
	}
	for i := range s.params.Points {
		if s.passes(i) {
			s.matching++
		}
	}
	if s.matching == 0 {
		return sdk.BadParam("filter.share", "is %v, which leaves none of %d points: raise it", s.params.Filter.Share, s.params.Points)
	}
	set, err := clustered.Generate(clustered.Spec{
		Seed: s.request.Seed, N: s.params.Points, Queries: s.params.Queries, Dim: s.dim, Clusters: s.params.Clusters,
	})
	if err != nil {
		return err
	}
	s.queries = set.Queries
	s.provenance["data"] = fmt.Sprintf("generated clustered vectors, seed %d", s.request.Seed)
	s.provenance["queries"] = fmt.Sprintf("%d, generated from the same clusters", len(s.queries))
	if err := s.fill(ctx, set.Base); err != nil {
		return err
	}
	start := time.Now()
	search := newExactSearch(s.distance, s.params.K, s.queries)
	passing, ids := set.Base, func(i int32) pointID { return pointID{number: uint64(i)} }
	if s.params.Filter.Field != "" {
		passing, ids = s.passing(set.Base)
	}
	if err := search.add(ctx, passing); err != nil {
		return err
	}
	s.conclude(search, ids)
	s.figure("ground_truth_seconds", time.Since(start))
	return nil
}

// passing are the generated vectors that pass the filter, with their ids.
func (s *session) passing(all [][]float32) ([][]float32, func(int32) pointID) {
	var rows [][]float32
	var numbers []uint64
	for i, v := range all {
		if s.passes(i) {
			rows, numbers = append(rows, v), append(numbers, uint64(i))
		}
	}
	return rows, func(i int32) pointID { return pointID{number: numbers[i]} }
}

// fill makes the collection, uploads the vectors and waits for the index.
func (s *session) fill(ctx context.Context, vectors [][]float32) error {
	if err := s.create(ctx); err != nil {
		return err
	}
	start := time.Now()
	if err := s.upload(ctx, vectors); err != nil {
		return err
	}
	uploaded := time.Now()
	indexed, err := s.awaitReady(ctx)
	if err != nil {
		return err
	}
	s.figure("upload_seconds", uploaded.Sub(start))
	s.figure("index_seconds", time.Since(uploaded))
	s.figure("ready_seconds", time.Since(start))
	if indexed < s.points {
		s.provenance["indexed"] = fmt.Sprintf("%d of %d points: the others are compared one by one", indexed, s.points)
	}
	return nil
}

// conclude takes over the exact answers.
func (s *session) conclude(search *exactSearch, id func(int32) pointID) {
	truths, err := search.truths(id)
	if err != nil {
		s.noTruth = err.Error()
		return
	}
	s.truths = truths
}

func (s *session) figure(name string, d time.Duration) {
	s.figures = append(s.figures, sdk.Figure{Name: name, Unit: "s", Value: d.Seconds()})
}

// rehearse asks every query once. It finds what every op would stumble over
// before anything is measured, and the recall at this setting.
func (s *session) rehearse(ctx context.Context) error {
	w := s.newWorker()
	var sum float64
	var wrong error
	failed := 0
	for i := range s.queries {
		if err := w.ask(ctx, i, patience(s.request.Timeout)); err != nil {
			return s.server.down("search collection "+s.name, err)
		}
		recall, err := w.judge(i)
		if err != nil {
			failed, wrong = failed+1, err
			continue
		}
		sum += recall
	}
	if failed == len(s.queries) {
		return sdk.TargetDown(s.server.label, fmt.Errorf("search collection %s: every answer is wrong: %w", s.name, wrong), "see whether it is the collection that is meant")
	}
	if failed > 0 {
		s.provenance["wrong_answers"] = fmt.Sprintf("%d of %d queries at set-up, such as %v", failed, len(s.queries), wrong)
	}
	if s.truths != nil {
		s.judgeRecall(sum / float64(len(s.queries)-failed))
	}
	return nil
}

// judgeRecall says beside the results whether their speed counts.
func (s *session) judgeRecall(recall float64) {
	s.figures = append(s.figures, sdk.Figure{Name: "recall_at_setup", Unit: "ratio", Value: recall})
	target := strconv.FormatFloat(s.params.RecallTarget, 'g', 4, 64)
	if recall >= s.params.RecallTarget {
		s.provenance["recall_target"] = fmt.Sprintf("%s, met with %.3f at set-up", target, recall)
		return
	}
	how := "raise ef"
	if s.params.Exact {
		how = "the server's exact search disagrees with harness's"
	}
	s.provenance["recall_target"] = fmt.Sprintf("%s, MISSED with %.3f at set-up: latency and throughput are those of worse answers; %s", target, recall, how)
	s.request.Log.Warn("recall is below its target", "benchmark", s.request.ID, "recall", recall, "target", s.params.RecallTarget)
}

// Describe implements [sdk.Describer].
func (s *session) Describe() sdk.SessionInfo {
	p := s.provenance
	p["engine"], p["server_version"] = s.server.title, s.server.version
	p["client"] = "github.com/qdrant/go-client, " + plural(connectionsFor(s.params.Connections, s.request.MaxWorkers), "connection")
	p["dim"], p["points"] = strconv.Itoa(s.dim), strconv.FormatUint(s.points, 10)
	p["distance"], p["k"] = strings.ToLower(s.distance.String()), strconv.Itoa(s.params.K)
	switch {
	case s.params.Exact:
		p["ef"] = "none: exact search"
	case s.params.EF == 0:
		p["ef"] = "the server's default"
	default:
		p["ef"] = strconv.Itoa(s.params.EF)
	}
	if s.params.Filter.Field != "" {
		p["filter"] = fmt.Sprintf("%s = %s: %d of %d points", s.params.Filter.Field, s.params.Filter.Value, s.matching, s.points)
	}
	p["ground_truth"] = "exact, computed by harness from the vectors"
	if s.truths == nil {
		p["ground_truth"] = "none, recall is not measured: " + s.noTruth
	}
	figures := append(s.figures, sdk.Figure{Name: "points", Unit: "1", Value: float64(s.points)})
	return sdk.SessionInfo{Provenance: p, Figures: figures, WorkloadDigest: s.params.digest(s.request.Seed, s.collection)}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Close deletes the session's own collection, unless it is to be kept, and
// ends the connections.
func (s *session) Close(ctx context.Context) error {
	var err error
	switch {
	case s.own && s.request.KeepData:
		s.request.Log.Info("kept", "collection", s.name, "target", s.server.label)
	case s.own:
		err = s.remove(ctx)
	}
	return errors.Join(err, s.server.close())
}

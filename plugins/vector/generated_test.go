package vector

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

func TestEveryPresetRunsAtOneUserAndAtManyOnOneCollection(t *testing.T) {
	for _, preset := range presets() {
		t.Run(preset.Name, func(t *testing.T) {
			srv := start(t, "", nil)
			with := maps.Clone(preset.With)
			with["points"], with["queries"] = 100, 10
			r := request(t, srv.target, with)
			r.ID = "vector/" + preset.Name
			s := prepare(t, r)
			if want := []string{"harness_r1_" + preset.Name}; !slices.Equal(srv.collections(t), want) {
				t.Errorf("collections are %v, want %v", srv.collections(t), want)
			}
			driver := loop.New(s, searchBenchmark().Metrics)
			for _, users := range []int{1, 8} {
				res, err := driver.Round(t.Context(), loop.Plan{Model: loop.Closed, Workers: users, Ops: 200, OpTimeout: 30 * time.Second}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if res.Counts.OK != 200 || len(res.Errors) > 0 {
					t.Errorf("%d users: counts are %+v, errors %v %v, want 200 ok", users, res.Counts, res.Errors, res.Samples)
				}
				if v := res.Values[metricRecall]; v.Count != 200 || v.Sum/200 < 0.9 || v.Max > 1 {
					t.Errorf("%d users: recall is %+v, want 200 values of at least 0.9 on average", users, v)
				}
			}
			if err := driver.Close(); err != nil {
				t.Error(err)
			}
			info := describe(t, s)
			if got, want := info.Provenance["dim"], map[string]string{"minilm_general": "384", "mixtral_embeddings": "4096", "phi3_embeddings": "3072"}[preset.Name]; got != want {
				t.Errorf("dim is %s, want %s", got, want)
			}
		})
	}
}

func TestExactSearchOnTheServerFindsAll(t *testing.T) {
	srv := start(t, "", nil)
	for _, distance := range []string{"cosine", "dot", "euclid"} {
		s := prepare(t, request(t, srv.target, small(map[string]any{"exact": true, "distance": distance})))
		if got := meanRecall(t, s); got != 1 {
			t.Errorf("%s: recall is %v, want 1", distance, got)
		}
		if p := describe(t, s).Provenance; p["distance"] != distance || p["ef"] != "none: exact search" {
			t.Errorf("provenance is %v", p)
		}
	}
}

func TestALargerEFFindsMore(t *testing.T) {
	srv := start(t, "", nil)
	recall := func(ef int) float64 {
		s := prepare(t, request(t, srv.target, map[string]any{
			"dim": 24, "points": 1200, "queries": 50, "k": 10, "ef": ef, "clusters": 1, "indexing_threshold": 1, "recall_target": 0.99,
		}))
		info := describe(t, s)
		got := meanRecall(t, s)
		if at := figure(t, info, "recall_at_setup"); at != got {
			t.Errorf("ef %d: recall at set-up was %v, and is %v", ef, at, got)
		}
		missed := strings.Contains(info.Provenance["recall_target"], "MISSED")
		if missed != (got < 0.99) {
			t.Errorf("ef %d: recall is %v, and the provenance says %q", ef, got, info.Provenance["recall_target"])
		}
		return got
	}
	low, high := recall(10), recall(600)
	if low >= high || low < 0.5 || high < 0.99 {
		t.Errorf("recall is %v at ef 10 and %v at ef 600, want a clear rise to 0.99", low, high)
	}
}

func TestAMissedRecallTargetIsSaid(t *testing.T) {
	srv := start(t, "", nil)
	r := request(t, srv.target, map[string]any{"dim": 24, "points": 800, "queries": 50, "ef": 10, "clusters": 1, "indexing_threshold": 1, "recall_target": 1})
	log, text := logged()
	r.Log = log
	s := prepare(t, r)
	if p := describe(t, s).Provenance["recall_target"]; !strings.HasPrefix(p, "1, MISSED") || !strings.Contains(p, "raise ef") {
		t.Errorf("recall_target is %q, want it missed, with the remedy", p)
	}
	if !strings.Contains(text.String(), "recall is below its target") {
		t.Errorf("the log says %q", text)
	}
}

func TestAFilteredSearchIsComparedWithWhatPasses(t *testing.T) {
	srv := start(t, "", nil)
	s := prepare(t, request(t, srv.target, small(map[string]any{
		"exact": true, "filter": map[string]any{"field": "lang", "value": "en", "share": 0.2},
	})))
	if s.matching < 80 || s.matching > 120 {
		t.Errorf("%d of 500 points pass, want about 100", s.matching)
	}
	n, err := srv.client.Count(t.Context(), &qdrant.CountPoints{CollectionName: s.name, Filter: s.params.filter()})
	if err != nil || n != s.matching {
		t.Errorf("the server counts %d, %v, want %d", n, err, s.matching)
	}
	if got := meanRecall(t, s); got != 1 {
		t.Errorf("recall is %v, want 1", got)
	}
	if p := describe(t, s).Provenance["filter"]; !strings.HasPrefix(p, "lang = en: ") {
		t.Errorf("filter is %q", p)
	}
}

func TestFewerPointsThanKAreAllWanted(t *testing.T) {
	srv := start(t, "", nil)
	s := prepare(t, request(t, srv.target, map[string]any{"dim": 4, "points": 3, "k": 10, "queries": 5}))
	if got := meanRecall(t, s); got != 1 {
		t.Errorf("recall is %v, want 1", got)
	}
}

func TestABatchIsOneOpOfSeveralQueries(t *testing.T) {
	srv := start(t, "", nil)
	s := prepare(t, request(t, srv.target, small(map[string]any{"exact": true, "batch": 7})))
	w := workerOf(t, s, 0)
	for i := range uint64(10) {
		got, err := do(t.Context(), w, i)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]float64{metricRecall: 1, metricQueries: 7}; !maps.Equal(got, want) {
			t.Errorf("op %d recorded %v, want %v", i, got, want)
		}
	}
}

func TestTheJournalComesBeforeTheCollectionAndForgetsBehindIt(t *testing.T) {
	srv := start(t, "", nil)
	r := request(t, srv.target, small(nil))
	journal := &memory{}
	r.Journal = journal
	const name = "harness_r1_docs"
	j := &watchful{memory: journal, exists: func() bool { return slices.Contains(srv.collections(t), name) }}
	r.Journal = j
	s, err := setup(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	closeSession(t, s)
	want := []string{"record collection " + name, "gone", "forget collection " + name, "gone"}
	if got := journal.seen(); !slices.Equal(got, want) {
		t.Errorf("the journal saw %v, want %v", got, want)
	}
}

// watchful notes beside each entry whether the collection existed then.
type watchful struct {
	*memory
	exists func() bool
}

func (w *watchful) Record(o sdk.Object) error {
	return errors.Join(w.memory.Record(o), w.note(w.state()))
}
func (w *watchful) Forget(o sdk.Object) error {
	return errors.Join(w.memory.Forget(o), w.note(w.state()))
}

func (w *watchful) state() string {
	if w.exists() {
		return "there"
	}
	return "gone"
}

func TestNothingIsCreatedThatCannotBeJournalled(t *testing.T) {
	srv := start(t, "", nil)
	r := request(t, srv.target, small(nil))
	r.Journal = &memory{refuse: true}
	if _, err := setup(t.Context(), r); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v, want the journal's error", err)
	}
	if left := srv.collections(t); len(left) > 0 {
		t.Errorf("collections %v were made", left)
	}
}

func TestKeptDataStaysAndIsNotInTheWayOfTheNext(t *testing.T) {
	srv := start(t, "", nil)
	journal := &memory{}
	for range 2 {
		r := request(t, srv.target, small(nil))
		r.KeepData, r.Journal = true, journal
		s, err := setup(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		closeSession(t, s)
	}
	if got, want := srv.collections(t), []string{"harness_r1_docs", "harness_r1_docs_2"}; !slices.Equal(got, want) {
		t.Errorf("collections are %v, want %v", got, want)
	}
	if got, want := journal.seen(), []string{"record collection harness_r1_docs", "record collection harness_r1_docs_2"}; !slices.Equal(got, want) {
		t.Errorf("the journal saw %v, want %v", got, want)
	}
	s := prepare(t, request(t, srv.target, map[string]any{"collection": "harness_r1_docs", "exact": true}))
	if got := meanRecall(t, s); got != 1 {
		t.Errorf("recall on the kept collection is %v, want 1", got)
	}
}

func TestTheProvenanceSaysWhatWasMeasured(t *testing.T) {
	srv := start(t, "", nil)
	s := prepare(t, request(t, srv.target, small(map[string]any{"ef": 64, "k": 5})))
	info := describe(t, s)
	for k, want := range map[string]string{
		"engine": "harness reference", "server_version": "1.17.1-harness-reference", "dim": "16", "points": "500", "distance": "cosine",
		"k": "5", "ef": "64", "ground_truth": "exact, computed by harness from the vectors", "data": "generated clustered vectors, seed 7",
	} {
		if got := info.Provenance[k]; got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	if got := info.Provenance["recall_target"]; !strings.HasPrefix(got, "0.95, met with ") {
		t.Errorf("recall_target is %q", got)
	}
	upload, index, ready := figure(t, info, "upload_seconds"), figure(t, info, "index_seconds"), figure(t, info, "ready_seconds")
	if upload <= 0 || index <= 0 || ready < upload+index-1e-3 || figure(t, info, "ground_truth_seconds") <= 0 || figure(t, info, "points") != 500 {
		t.Errorf("figures are %v", info.Figures)
	}
}

func TestTheDigestChangesWithTheWorkAndWithNothingElse(t *testing.T) {
	srv := start(t, "", nil)
	digest := func(seed uint64, more map[string]any) string {
		r := request(t, srv.target, small(more))
		r.Seed = seed
		return describe(t, prepare(t, r)).WorkloadDigest
	}
	base := digest(1, nil)
	for name, same := range map[string]map[string]any{
		"connections": {"connections": 3}, "the target for recall": {"recall_target": 0.5}, "the size of uploads": {"upload_batch": 100},
		"a default spelled out": {"distance": "cosine"},
	} {
		if digest(1, same) != base {
			t.Errorf("%s changes the digest", name)
		}
	}
	seen := map[string]string{base: "nothing"}
	for name, other := range map[string]map[string]any{
		"k": {"k": 5}, "ef": {"ef": 50}, "points": {"points": 400}, "dim": {"dim": 8}, "distance": {"distance": "dot"}, "exact": {"exact": true},
		"queries": {"queries": 10}, "batch": {"batch": 2}, "filter": {"filter": map[string]any{"field": "a", "value": "b", "share": 0.5}}, "clusters": {"clusters": 3},
	} {
		d := digest(1, other)
		if seen[d] != "" {
			t.Errorf("%s gives the same digest as %s", name, seen[d])
		}
		seen[d] = name
	}
	if digest(2, nil) == base {
		t.Error("the seed does not change the digest")
	}
}

func TestABadParameterIsNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		with  map[string]any
		param string
		text  string
	}{
		{"a filter without a value", map[string]any{"filter": map[string]any{"field": "lang"}}, "filter.value", `field "lang"`},
		{"a filter without a field", map[string]any{"filter": map[string]any{"value": "en"}}, "filter.field", "name the payload field"},
		{"a filter that nothing passes", map[string]any{"points": 3, "filter": map[string]any{"field": "a", "value": "b", "share": 0}}, "filter.share", "none of 3 points"},
		{"a named vector without a collection", map[string]any{"vector": "title"}, "vector", "set collection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := setup(t.Context(), request(t, start(t, "", nil).target, c.with))
			wantParamError(t, err, c.param, c.text)
		})
	}
	for _, with := range []string{`{"k":0}`, `{"dim":-1}`, `{"distance":"hamming"}`, `{"points":0}`, `{"batch":0}`, `{"recall_target":2}`, `{"efs":1}`} {
		if _, err := sdk.CheckParams(searchBenchmark().Params, rawParams(t, with)); err == nil {
			t.Errorf("parameters %s are accepted", with)
		}
	}
}

func TestThePluginIsWellFormed(t *testing.T) {
	p, ok := sdk.Lookup("vector")
	if !ok {
		t.Fatal("plugin vector is not registered")
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	b, _ := p.Benchmark("search")
	if !b.Load.Solo || b.Target != sdk.TargetVector {
		t.Errorf("load is %+v and target %q", b.Load, b.Target)
	}
	for _, preset := range b.Presets {
		request(t, sdk.Target{}, preset.With) // checks the parameters
	}
}

func TestNamesOfCollectionsHoldOnlyWhatServersTake(t *testing.T) {
	for _, c := range []struct {
		run, id string
		try     int
		want    string
	}{
		{"20260102T030405Z-abcd", "vector/minilm_general", 1, "harness_20260102T030405Z-abcd_minilm_general"},
		{"r1", "docs", 1, "harness_r1_docs"},
		{"r1", "vector/a b/ef=3?", 2, "harness_r1_a_b_ef_3__2"},
	} {
		if got := collectionName(c.run, c.id, c.try); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if n := len(collectionName("r", strings.Repeat("x", 1000), 1)); n > 255 {
		t.Errorf("a name has %d bytes", n)
	}
}

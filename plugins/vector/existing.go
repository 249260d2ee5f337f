package vector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"

	"github.com/benchharness/harness/sdk"
)

// open finds out what an existing collection is. It only reads.
func (s *session) open(ctx context.Context) error {
	s.name = s.params.Collection
	info, err := s.server.client.GetCollectionInfo(ctx, s.name)
	if codeOf(err) == codes.NotFound {
		return s.unknown(ctx)
	}
	if err != nil {
		return s.server.down("read collection "+s.name, err)
	}
	if info.GetStatus() != qdrant.CollectionStatus_Green {
		s.provenance["collection_status"] = strings.ToLower(info.GetStatus().String()) + ": the server is at work on it"
	}
	vector, config, err := chooseVector(s.params.Vector, info.GetConfig().GetParams().GetVectorsConfig())
	if err != nil {
		return err
	}
	s.vector, s.dim, s.distance = vector, int(config.GetSize()), config.GetDistance()
	switch {
	case config.GetMultivectorConfig() != nil:
		return sdk.BadParam("collection", "is %q, which holds several vectors for each point (multivectors); name one that holds one", s.name)
	case s.params.Dim != 0 && s.params.Dim != s.dim:
		return sdk.BadParam("dim", "is %d, and collection %q holds vectors of %d: leave dim out, or set collection to another", s.params.Dim, s.name, s.dim)
	case s.params.Distance != "" && distances[s.params.Distance] != s.distance:
		return sdk.BadParam("distance", "is %s, and collection %q compares by %s: leave distance out, or set collection to another",
			s.params.Distance, s.name, strings.ToLower(s.distance.String()))
	}
	return s.count(ctx)
}

// chooseVector finds the vector that is searched.
func chooseVector(name string, c *qdrant.VectorsConfig) (string, *qdrant.VectorParams, error) {
	named := c.GetParamsMap().GetMap()
	if p := c.GetParams(); p != nil {
		named = map[string]*qdrant.VectorParams{"": p}
	}
	names := slices.Sorted(maps.Keys(named))
	switch p, ok := named[name]; {
	case ok:
		return name, p, nil
	case len(names) == 0:
		return "", nil, sdk.BadParam("collection", "has no dense vectors; name one that has")
	case name != "":
		return "", nil, sdk.BadParam("vector", "is %q, which the collection does not have; it has: %s", name, quotedList(names))
	case len(names) == 1:
		return names[0], named[names[0]], nil
	}
	return "", nil, sdk.BadParam("vector", "is absent, and the collection has several; name one of: %s", quotedList(names))
}

// count counts the points, and those that pass the filter.
func (s *session) count(ctx context.Context) error {
	n, err := s.server.client.Count(ctx, &qdrant.CountPoints{CollectionName: s.name, Exact: qdrant.PtrOf(true)})
	if err != nil {
		return s.server.down("count the points of collection "+s.name, err)
	}
	if n == 0 {
		return sdk.TargetDown(s.server.label, fmt.Errorf("collection %q is empty", s.name), "upload vectors to it, or leave collection out to have one made of generated vectors")
	}
	s.points, s.matching = n, n
	filter := s.params.filter()
	if filter == nil {
		return nil
	}
	if s.matching, err = s.server.client.Count(ctx, &qdrant.CountPoints{CollectionName: s.name, Filter: filter, Exact: qdrant.PtrOf(true)}); err != nil {
		return s.server.down("count the points of collection "+s.name+" that pass the filter", err)
	}
	if s.matching == 0 {
		return sdk.BadParam("filter", "matches none of the %d points of collection %q: no %s is %q", n, s.name, s.params.Filter.Field, s.params.Filter.Value)
	}
	return nil
}

// unknown says that the collection does not exist, and which do.
func (s *session) unknown(ctx context.Context) error {
	names, err := s.server.client.ListCollections(ctx)
	switch {
	case err != nil:
		return sdk.BadParam("collection", "is %q, which %s does not have", s.name, s.server.label)
	case len(names) == 0:
		return sdk.BadParam("collection", "is %q, and %s has no collections; leave it out to have one made of generated vectors", s.name, s.server.label)
	}
	return sdk.BadParam("collection", "is %q, which %s does not have; the nearest of its %d is %q", s.name, s.server.label, len(names), nearestName(s.name, names))
}

// queryNoise is the length of the noise that is added to a stored vector to
// make a query of it, relative to the vector's own. At 0.3 their cosine is
// about 0.96.
const queryNoise = 0.3

// sampleQueries makes queries from stored vectors, with noise: a query that is
// a stored vector has a first hit that is too easy.
func (s *session) sampleQueries(ctx context.Context) error {
	among := max(s.params.GroundTruthLimit, 1000, s.params.Queries)
	var ids []*qdrant.PointId
	err := s.scroll(ctx, nil, false, func(page []*qdrant.RetrievedPoint) (more bool, err error) {
		for _, p := range page {
			ids = append(ids, p.GetId())
		}
		return len(ids) < among, nil
	})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return s.changed("it was emptied")
	}
	rng := rand.New(rand.NewPCG(s.request.Seed, 0x71756572696573))
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	vectors, err := s.vectorsOf(ctx, ids[:min(len(ids), s.params.Queries)])
	if err != nil {
		return err
	}
	s.queries = make([][]float32, s.params.Queries)
	for i := range s.queries {
		s.queries[i] = noisy(rng, vectors[i%len(vectors)])
	}
	return nil
}

// noisy is v and some noise.
func noisy(rng *rand.Rand, v []float32) []float32 {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	deviation := queryNoise * math.Sqrt(square/float64(len(v)))
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = x + float32(deviation*rng.NormFloat64())
	}
	return out
}

// vectorsOf reads the vectors of points.
func (s *session) vectorsOf(ctx context.Context, ids []*qdrant.PointId) ([][]float32, error) {
	var out [][]float32
	for batch := range slices.Chunk(ids, s.pageSize(true)) {
		points, err := s.server.client.Get(ctx, &qdrant.GetPoints{
			CollectionName: s.name, Ids: batch, WithVectors: s.withVectors(), WithPayload: qdrant.NewWithPayload(false),
		})
		if err != nil {
			return nil, s.server.down("read points of collection "+s.name, err)
		}
		for _, p := range points {
			v, err := s.vectorOf(p)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, s.changed("points that were there are gone")
	}
	return out, nil
}

// exactAnswers reads all vectors that pass the filter, once, and finds the
// right answers among them.
func (s *session) exactAnswers(ctx context.Context) error {
	if limit := uint64(s.params.GroundTruthLimit); s.matching > limit {
		s.noTruth = fmt.Sprintf("%d points are to be compared with, more than ground_truth_limit (%d)", s.matching, limit)
		return nil
	}
	search := newExactSearch(s.distance, s.params.K, s.queries)
	var ids []pointID
	err := s.scroll(ctx, s.params.filter(), true, func(page []*qdrant.RetrievedPoint) (bool, error) {
		vectors := make([][]float32, len(page))
		for i, p := range page {
			v, err := s.vectorOf(p)
			if err != nil {
				return false, err
			}
			vectors[i] = v
			ids = append(ids, idOf(p.GetId()))
		}
		return uint64(len(ids)) <= s.matching, search.add(ctx, vectors)
	})
	if err != nil {
		return err
	}
	if uint64(len(ids)) != s.matching {
		return s.changed(fmt.Sprintf("%d points were counted and %d read", s.matching, len(ids)))
	}
	s.conclude(search, func(i int32) pointID { return ids[i] })
	return nil
}

func (s *session) changed(how string) error {
	return sdk.TargetDown(s.server.label, fmt.Errorf("collection %q is being changed: %s", s.name, how), "measure it while nobody writes to it")
}

// longestPage bounds the vectors of one page of a scroll, in bytes.
const longestPage = 8 << 20

func (s *session) pageSize(vectors bool) int {
	if !vectors {
		return 10_000
	}
	return max(1, min(1000, longestPage/(4*s.dim)))
}

// scroll calls visit with one page of points after the other until it has
// enough.
func (s *session) scroll(ctx context.Context, filter *qdrant.Filter, vectors bool, visit func([]*qdrant.RetrievedPoint) (more bool, err error)) error {
	req := &qdrant.ScrollPoints{
		CollectionName: s.name, Filter: filter, Limit: qdrant.PtrOf(uint32(s.pageSize(vectors))), WithPayload: qdrant.NewWithPayload(false),
	}
	if vectors {
		req.WithVectors = s.withVectors()
	}
	for {
		page, next, err := s.server.client.ScrollAndOffset(ctx, req)
		if err != nil {
			return s.server.down("read collection "+s.name, err)
		}
		more, err := visit(page)
		if err != nil || !more || next == nil {
			return err
		}
		req.Offset = next
	}
}

func (s *session) withVectors() *qdrant.WithVectorsSelector {
	if s.vector == "" {
		return qdrant.NewWithVectors(true)
	}
	return qdrant.NewWithVectorsInclude(s.vector)
}

// vectorOf takes the vector that is searched out of a point.
func (s *session) vectorOf(p *qdrant.RetrievedPoint) ([]float32, error) {
	v, err := denseVector(p.GetVectors(), s.vector)
	if err == nil && len(v) != s.dim {
		err = fmt.Errorf("its vector has %d components, the collection's have %d", len(v), s.dim)
	}
	if err != nil {
		return nil, sdk.TargetDown(s.server.label, fmt.Errorf("point %v of collection %q: %w", idOf(p.GetId()), s.name, err), "search a vector that every point has")
	}
	return v, nil
}

// denseVector is the vector of that name, in any of the forms that versions of
// the protocol have for it.
func denseVector(v *qdrant.VectorsOutput, name string) ([]float32, error) {
	out := v.GetVector()
	if name != "" {
		out = v.GetVectors().GetVectors()[name]
	}
	if dense := out.GetDense(); dense != nil {
		return dense.GetData(), nil
	}
	if out == nil || out.GetVector() != nil || len(out.GetData()) == 0 { //nolint:staticcheck // servers before 1.16 fill the former field
		return nil, errors.New("it has no dense vector of that name")
	}
	return out.GetData(), nil //nolint:staticcheck // as above
}

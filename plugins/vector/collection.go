package vector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"

	"github.com/benchharness/harness/sdk"
)

// collectionKind is the kind of our journalled objects, and namePrefix how
// their names begin. Nothing else is ever deleted.
const (
	collectionKind = "collection"
	namePrefix     = "harness_"
)

// deleteLimit bounds the deletion of a collection, which happens when the
// context of the set-up has ended, too.
const deleteLimit = 30 * time.Second

// collection is what is searched.
type collection struct {
	name     string
	vector   string // name of the vector, "" for the unnamed one
	dim      int
	distance qdrant.Distance
	points   uint64
	matching uint64 // points that pass the filter
}

// collectionName names a scenario's collection after its run and benchmark.
// The second try and those behind it have a number: --no-cleanup may have left
// the first one in place.
func collectionName(runID, id string, try int) string {
	_, name, ok := strings.Cut(id, "/")
	if !ok {
		name = id
	}
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, namePrefix+runID+"_"+name)
	s = s[:min(len(s), 200)]
	if try > 1 {
		s += fmt.Sprintf("_%d", try)
	}
	return s
}

// object is how a collection is journalled.
func object(name string, insecure bool) sdk.Object {
	o := sdk.Object{Kind: collectionKind, Name: name}
	if insecure {
		o.Attrs = map[string]string{"tls_insecure": "true"}
	}
	return o
}

// create journals a collection of generated vectors and makes it.
func (s *session) create(ctx context.Context) error {
	const tries = 100
	for try := 1; ; try++ {
		s.name = collectionName(s.request.RunID, s.request.ID, try)
		exists, err := s.server.client.CollectionExists(ctx, s.name)
		if err != nil {
			return s.server.down("look for collection "+s.name, err)
		}
		if !exists {
			break
		}
		if try == tries {
			return sdk.TargetDown(s.server.label, fmt.Errorf("collection %s and %d like it exist", s.name, tries-1), "run `harness clean`, or delete them")
		}
	}
	if err := s.request.Journal.Record(object(s.name, s.params.TLSInsecure)); err != nil {
		return fmt.Errorf("journal collection %s: %w", s.name, err)
	}
	s.own = true
	if err := s.server.client.CreateCollection(ctx, s.creation()); err != nil {
		return s.server.down("create collection "+s.name, err)
	}
	if f := s.params.Filter; f.Field != "" {
		if _, err := s.server.client.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{
			CollectionName: s.name, FieldName: f.Field, Wait: qdrant.PtrOf(true), FieldType: qdrant.PtrOf(qdrant.FieldType_FieldTypeKeyword),
		}); err != nil {
			return s.server.down(fmt.Sprintf("index field %q of collection %s", f.Field, s.name), err)
		}
	}
	return nil
}

func (s *session) creation() *qdrant.CreateCollection {
	req := &qdrant.CreateCollection{
		CollectionName: s.name,
		VectorsConfig:  qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: uint64(s.dim), Distance: s.distance}),
	}
	if n := s.params.IndexingThreshold; n > 0 {
		req.OptimizersConfig = &qdrant.OptimizersConfigDiff{IndexingThreshold: qdrant.PtrOf(uint64(n))}
	}
	return req
}

// longestUpload bounds the vectors of one request, in bytes.
const longestUpload = 16 << 20

// upload stores the vectors, one request after the other. Each is durable
// before the next goes out.
func (s *session) upload(ctx context.Context, vectors [][]float32) error {
	step := max(1, min(s.params.UploadBatch, longestUpload/(4*s.dim)))
	for at := 0; at < len(vectors); at += step {
		batch := vectors[at:min(at+step, len(vectors))]
		points := make([]*qdrant.PointStruct, len(batch))
		for i, v := range batch {
			points[i] = &qdrant.PointStruct{
				Id: qdrant.NewIDNum(uint64(at + i)), Vectors: qdrant.NewVectorsDense(v), Payload: s.payload(at + i),
			}
		}
		if _, err := s.server.client.Upsert(ctx, &qdrant.UpsertPoints{
			CollectionName: s.name, Wait: qdrant.PtrOf(true), Points: points,
		}); err != nil {
			return s.server.down(fmt.Sprintf("upload points %d to %d to collection %s", at, at+len(batch)-1, s.name), err)
		}
	}
	return nil
}

// payload of the i-th generated point: the filter's field, if there is one.
func (s *session) payload(i int) map[string]*qdrant.Value {
	f := s.params.Filter
	if f.Field == "" {
		return nil
	}
	value := f.Value
	if !s.passes(i) {
		value += "_not"
	}
	return map[string]*qdrant.Value{f.Field: qdrant.NewValueString(value)}
}

// passes says whether the i-th generated point has the filter's value. Those
// that do are spread over all of them: the step is the golden ratio's.
func (s *session) passes(i int) bool {
	return s.params.Filter.Field == "" || float64(uint32(i)*2654435769) < s.params.Filter.Share*(1<<32)
}

// How often a collection is asked whether it is ready, and how long one must
// stay green whose points are not all indexed: some servers index no small
// segments, and some turn yellow only a moment after an upload.
const (
	pollFirst = 5 * time.Millisecond
	pollLast  = 250 * time.Millisecond
	settled   = time.Second
)

// awaitReady waits until the collection is green and its points are indexed,
// or it stays green without. It returns how many are indexed.
func (s *session) awaitReady(ctx context.Context) (indexed uint64, err error) {
	limit := s.params.ReadyTimeout.D()
	deadline := time.Now().Add(limit)
	var greenSince time.Time
	for pause := pollFirst; ; pause = min(2*pause, pollLast) {
		info, err := s.server.client.GetCollectionInfo(ctx, s.name)
		if err != nil {
			return 0, s.server.down("ask whether collection "+s.name+" is ready", err)
		}
		now := time.Now()
		state := info.GetStatus()
		switch {
		case state == qdrant.CollectionStatus_Red:
			return 0, sdk.TargetDown(s.server.label, fmt.Errorf("collection %s is red: %s", s.name, info.GetOptimizerStatus().GetError()), "see the server's log")
		case state != qdrant.CollectionStatus_Green:
			greenSince = time.Time{}
		case info.GetIndexedVectorsCount() >= s.points:
			return info.GetIndexedVectorsCount(), nil
		case greenSince.IsZero():
			greenSince = now
		case now.Sub(greenSince) >= settled:
			return info.GetIndexedVectorsCount(), nil
		}
		if now.After(deadline) {
			return 0, sdk.TargetDown(s.server.label, fmt.Errorf("collection %s is not ready after %v: it is %s, %d of %d points are indexed",
				s.name, limit, strings.ToLower(state.String()), info.GetIndexedVectorsCount(), s.points), "raise ready_timeout, or lower points")
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for collection %s: %w", s.name, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// remove deletes the scenario's own collection and forgets it.
func (s *session) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteLimit)
	defer cancel()
	if err := s.server.deleteOurs(ctx, s.name); err != nil {
		return fmt.Errorf("%w; it stays in the journal, and `harness clean` will delete it", err)
	}
	if err := s.request.Journal.Forget(object(s.name, s.params.TLSInsecure)); err != nil {
		return fmt.Errorf("forget collection %s: %w", s.name, err)
	}
	return nil
}

// deleteOurs deletes a collection that harness made. One that is gone is no
// error.
func (s *server) deleteOurs(ctx context.Context, name string) error {
	if !strings.HasPrefix(name, namePrefix) {
		return fmt.Errorf("collection %q is not one of harness's: left alone", name)
	}
	_, err := s.client.GetCollectionsClient().Delete(ctx, &qdrant.DeleteCollection{CollectionName: name})
	if err != nil && codeOf(err) != codes.NotFound {
		return fmt.Errorf("delete collection %s: %w", name, s.down("delete it", err))
	}
	return nil
}

// clean deletes the collections that a dead process of this plugin left behind.
func clean(ctx context.Context, r sdk.CleanRequest) error {
	if len(r.Objects) == 0 {
		return nil
	}
	insecure := false
	for _, o := range r.Objects {
		insecure = insecure || o.Attrs["tls_insecure"] == "true"
	}
	s, err := dial(r.Target, 1, insecure)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range r.Objects {
		if o.Kind != collectionKind {
			errs = append(errs, fmt.Errorf("%s %q is none of plugin vector's: left alone", o.Kind, o.Name))
			continue
		}
		errs = append(errs, s.deleteOurs(ctx, o.Name))
	}
	return errors.Join(append(errs, s.close())...)
}

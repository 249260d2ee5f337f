package vector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/sdk"
)

// defaultDim is the dimension of generated vectors when nothing says another.
const defaultDim = 384

type params struct {
	Collection   string       `json:"collection" doc:"Existing collection to measure, read only. Absent: one is made of generated vectors, and deleted again."`
	Vector       string       `json:"vector" doc:"Name of the vector, in an existing collection that has several."`
	Dim          int          `json:"dim" doc:"Components of a vector. 0: 384, or those of the existing collection." min:"0" max:"65536"`
	Points       int          `json:"points" doc:"Vectors to generate." min:"1" max:"100000000"`
	Clusters     int          `json:"clusters" doc:"Clusters of the generated vectors. 0: one for every 200 points, at least 8." min:"0" max:"1000000"`
	Distance     string       `json:"distance" doc:"How near two vectors are. Absent: cosine, or that of the existing collection." enum:"cosine,dot,euclid"`
	Queries      int          `json:"queries" doc:"Distinct query vectors; ops take them in turn." min:"1" max:"100000"`
	K            int          `json:"k" doc:"Points that a query asks for." min:"1" max:"10000"`
	EF           int          `json:"ef" doc:"Candidates that the server keeps while it searches (hnsw_ef). 0: the server's default." min:"0" max:"1000000"`
	Exact        bool         `json:"exact" doc:"Have the server compare with every point instead of walking its graph."`
	Filter       filterParams `json:"filter" doc:"Only points whose payload matches."`
	Batch        int          `json:"batch" doc:"Queries of one op." min:"1" max:"1000"`
	UploadBatch  int          `json:"upload_batch" doc:"Points of one upload request." min:"1" max:"10000"`
	RecallTarget float64      `json:"recall_target" doc:"Recall under which latency and throughput mean little; said in the provenance." min:"0" max:"1"`

	GroundTruthLimit  int          `json:"ground_truth_limit" doc:"Points of an existing collection up to which all its vectors are read to find the exact answers. 0: never." min:"0" max:"100000000"`
	IndexingThreshold int          `json:"indexing_threshold" doc:"KiB of vectors from which the server links a graph, for a generated collection. 0: the server's default, which may leave a small one without." min:"0" max:"1000000000"`
	ReadyTimeout      sdk.Duration `json:"ready_timeout" doc:"Longest wait for the index." min:"0.001" max:"86400"`
	Connections       int          `json:"connections" doc:"Connections that the workers share. 0: one for every 16 workers, at most 16." min:"0" max:"256"`
	TLSInsecure       bool         `json:"tls_insecure" doc:"Accept any certificate of an https target."`
}

type filterParams struct {
	Field string  `json:"field" doc:"Name of a payload field of type keyword."`
	Value string  `json:"value" doc:"Value that the field must have."`
	Share float64 `json:"share" doc:"Share of the generated points that have it." min:"0" max:"1"`
}

func defaults() params {
	return params{
		Points: 5000, Queries: 200, K: 10, Batch: 1, UploadBatch: 256, RecallTarget: 0.95,
		Filter: filterParams{Share: 0.1}, GroundTruthLimit: 100_000, IndexingThreshold: 100,
		ReadyTimeout: sdk.Duration(10 * time.Minute),
	}
}

func readParams(raw sdk.Params) (params, error) {
	p := defaults()
	if err := raw.Decode(&p); err != nil {
		return p, err
	}
	switch {
	case p.Filter.Field == "" && p.Filter.Value != "":
		return p, sdk.BadParam("filter.field", "is absent, and filter.value is %q: name the payload field", p.Filter.Value)
	case p.Filter.Field != "" && p.Filter.Value == "":
		return p, sdk.BadParam("filter.value", "is absent: give the value that field %q must have", p.Filter.Field)
	case p.Vector != "" && p.Collection == "":
		return p, sdk.BadParam("vector", "is %q, but a generated collection has one vector without a name: set collection, or leave it out", p.Vector)
	}
	return p, nil
}

// distances are those that can be asked for. An existing collection may have
// another.
var distances = map[string]qdrant.Distance{
	"":       qdrant.Distance_Cosine,
	"cosine": qdrant.Distance_Cosine,
	"dot":    qdrant.Distance_Dot,
	"euclid": qdrant.Distance_Euclid,
}

func (p params) filter() *qdrant.Filter {
	if p.Filter.Field == "" {
		return nil
	}
	return &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchKeyword(p.Filter.Field, p.Filter.Value)}}
}

// digest identifies the work: everything that decides which answers are right
// and how hard they are to find, and nothing of how the client goes about it.
func (p params) digest(seed uint64, c collection) string {
	if p.Collection == "" {
		p.GroundTruthLimit = 0
	}
	if p.Filter.Field == "" || p.Collection != "" {
		p.Filter.Share = 0
	}
	if p.Collection != "" {
		p.Clusters = 0
	}
	p.Points, p.Dim, p.Distance = int(c.points), c.dim, c.distance.String()
	p.RecallTarget, p.UploadBatch, p.ReadyTimeout, p.Connections, p.TLSInsecure = 0, 0, 0, 0, false
	b, _ := json.Marshal([]any{"vector/search", p, seed}) // cannot fail: numbers are finite
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

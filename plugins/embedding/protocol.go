package embedding

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// protocol is one way of asking a server for embeddings.
type protocol struct {
	title string // for provenance
	path  string
	// needsModel says that the server cannot choose one itself.
	needsModel bool
	body       func(p endpointParams, texts []string) any
	// parse reads the body of an answer into r.
	parse func(c *cursor, r *reply) error
}

var protocols = map[string]protocol{
	"openai": {
		title: "OpenAI-compatible",
		path:  "/v1/embeddings",
		body: func(p endpointParams, texts []string) any {
			return struct {
				Model    string   `json:"model,omitempty"`
				Input    []string `json:"input"`
				Encoding string   `json:"encoding_format"`
			}{p.Model, texts, "float"}
		},
		parse: parseOpenAI,
	},
	"tei": {
		title: "text-embeddings-inference",
		path:  "/embed",
		body: func(p endpointParams, texts []string) any {
			return struct {
				Inputs    []string `json:"inputs"`
				Normalize bool     `json:"normalize"`
			}{texts, p.Normalised}
		},
		parse: func(c *cursor, r *reply) error { return r.matrix(c) },
	},
	"ollama": {
		title:      "Ollama",
		path:       "/api/embed",
		needsModel: true,
		body: func(p endpointParams, texts []string) any {
			return struct {
				Model string   `json:"model"`
				Input []string `json:"input"`
			}{p.Model, texts}
		},
		parse: parseOllama,
	},
}

// reply is what an answer says. Its memory is used again by the next one.
type reply struct {
	vectors [][]float32
	seen    []bool // by index, of OpenAI's answers
	tokens  int    // -1: not told
	model   string // read only if wanted
	want    bool   // read model
}

func (r *reply) reset() {
	r.vectors, r.tokens, r.model = r.vectors[:0], -1, ""
}

// row returns the place of the next vector, with the memory of an earlier one.
func (r *reply) row() *[]float32 {
	if len(r.vectors) < cap(r.vectors) {
		r.vectors = r.vectors[:len(r.vectors)+1]
	} else {
		r.vectors = append(r.vectors, nil)
	}
	return &r.vectors[len(r.vectors)-1]
}

func (r *reply) vector(c *cursor) error {
	row := r.row()
	var err error
	*row, err = c.floats(*row)
	return err
}

// matrix reads a list of vectors.
func (r *reply) matrix(c *cursor) error {
	return c.array(func() error { return r.vector(c) })
}

// count reads a number of tokens; servers that do not know write null.
func (r *reply) count(c *cursor) error {
	if b := c.peek(); b < '0' || b > '9' {
		return c.skip()
	}
	n, err := c.number()
	if n < 1<<53 {
		r.tokens = int(n)
	}
	return err
}

// name reads the model's name, where it is wanted.
func (r *reply) name(c *cursor) (err error) {
	if !r.want || c.peek() != '"' {
		return c.skip()
	}
	r.model, err = c.plain()
	return err
}

func parseOllama(c *cursor, r *reply) error {
	return c.object(func(key []byte) error {
		switch string(key) {
		case "embeddings":
			return r.matrix(c)
		case "prompt_eval_count":
			return r.count(c)
		case "model":
			return r.name(c)
		}
		return c.skip()
	})
}

func parseOpenAI(c *cursor, r *reply) error {
	return c.object(func(key []byte) error {
		switch string(key) {
		case "data":
			r.seen = r.seen[:0]
			return c.array(func() error { return r.item(c) })
		case "usage":
			return r.usage(c)
		case "model":
			return r.name(c)
		}
		return c.skip()
	})
}

// item reads one embedding of OpenAI's list. The list may be in any order, as
// every vector is checked alike, but no index may come twice.
func (r *reply) item(c *cursor) error {
	index := len(r.seen)
	found := false
	err := c.object(func(key []byte) error {
		switch string(key) {
		case "embedding":
			if c.peek() != '[' {
				return c.errorf("an embedding that is no list of numbers, though encoding_format is float")
			}
			if found {
				return c.errorf("an item with two embeddings")
			}
			found = true
			return r.vector(c)
		case "index":
			x, err := c.number()
			index = int(min(x, 1<<30))
			return err
		}
		return c.skip()
	})
	if err != nil {
		return err
	}
	if !found {
		return c.errorf("an item of data without an embedding")
	}
	return r.mark(c, index)
}

const maxIndex = 1 << 16

func (r *reply) mark(c *cursor, index int) error {
	if index < 0 || index > maxIndex {
		return c.errorf("an item of data with index %d", index)
	}
	for len(r.seen) <= index {
		r.seen = append(r.seen, false)
	}
	if r.seen[index] {
		return c.errorf("two items of data with index %d", index)
	}
	r.seen[index] = true
	return nil
}

// usage takes prompt_tokens, and total_tokens where that is all there is.
func (r *reply) usage(c *cursor) error {
	if c.peek() != '{' {
		return c.skip()
	}
	prompt := -1
	err := c.object(func(key []byte) error {
		switch string(key) {
		case "prompt_tokens":
			err := r.count(c)
			prompt = r.tokens
			return err
		case "total_tokens":
			return r.count(c)
		}
		return c.skip()
	})
	if prompt >= 0 {
		r.tokens = prompt
	}
	return err
}

// read reads a whole answer.
func (r *reply) read(p protocol, h http.Header, body []byte) error {
	r.reset()
	c := &cursor{b: body}
	if err := p.parse(c, r); err != nil {
		return err
	}
	if n, err := strconv.Atoi(h.Get("X-Compute-Tokens")); r.tokens < 0 && err == nil && n >= 0 {
		r.tokens = n // text-embeddings-inference's way
	}
	return c.end()
}

// encodeBodies makes the request bodies of a workload, once: encoding them
// would be work inside an op that no server does.
func encodeBodies(proto protocol, p endpointParams, w *workload) ([][]byte, error) {
	out := make([][]byte, len(w.batches))
	for i, texts := range w.batches {
		b, err := json.Marshal(proto.body(p, texts))
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

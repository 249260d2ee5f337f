package service

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"time"
)

// textList is a string or a list of strings.
type textList []string

// UnmarshalJSON reads one text or many.
func (t *textList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = textList{one}
		return nil
	}
	var many []string
	if json.Unmarshal(b, &many) != nil {
		return refuse(invalid, "texts are given as a string or a list of strings; token numbers are not understood")
	}
	*t = many
	return nil
}

// embedTEI speaks text-embeddings-inference's /embed: vectors and nothing
// else.
func (s *Server) embedTEI(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Inputs textList `json:"inputs"`
	}
	if err := readJSON(r, &req); err != nil {
		s.fail(w, r, err)
		return
	}
	vectors, _, err := s.backend.embed(r.Context(), req.Inputs)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, vectors)
}

type openAIError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

type openAIEmbedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

type openAIUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

type openAIResponse struct {
	Object string            `json:"object"`
	Data   []openAIEmbedding `json:"data"`
	Model  string            `json:"model"`
	Usage  openAIUsage       `json:"usage"`
}

// embedOpenAI speaks OpenAI's /v1/embeddings, with its own form of an error.
func (s *Server) embedOpenAI(w http.ResponseWriter, r *http.Request) {
	resp, err := s.openAI(r)
	if err == nil {
		writeJSON(w, http.StatusOK, resp)
		return
	}
	status, kind := statusOf(err), "invalid_request_error"
	if status >= http.StatusInternalServerError {
		kind = "server_error"
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	writeJSON(w, status, errorBody{openAIError{Message: err.Error(), Type: kind}})
}

func (s *Server) openAI(r *http.Request) (openAIResponse, error) {
	var req struct {
		Model      string   `json:"model"`
		Input      textList `json:"input"`
		Encoding   string   `json:"encoding_format"`
		Dimensions int      `json:"dimensions"`
	}
	if err := readJSON(r, &req); err != nil {
		return openAIResponse{}, err
	}
	if err := s.backend.checkModel(req.Model); err != nil {
		return openAIResponse{}, err
	}
	if d := s.backend.embedder.Dimension(); req.Dimensions != 0 && req.Dimensions != d {
		return openAIResponse{}, refuse(invalid, "dimensions is %d; model %s makes vectors of %d", req.Dimensions, s.backend.embedder.Model(), d)
	}
	if req.Encoding != "" && req.Encoding != "float" && req.Encoding != "base64" {
		return openAIResponse{}, refuse(invalid, "encoding_format is %q; want float or base64", req.Encoding)
	}
	vectors, tokens, err := s.backend.embed(r.Context(), req.Input)
	if err != nil {
		return openAIResponse{}, err
	}
	resp := openAIResponse{Object: "list", Model: s.backend.embedder.Model(), Usage: openAIUsage{tokens, tokens}}
	for i, v := range vectors {
		e := openAIEmbedding{Object: "embedding", Index: i, Embedding: v}
		if req.Encoding == "base64" {
			e.Embedding = base64Vector(v)
		}
		resp.Data = append(resp.Data, e)
	}
	return resp, nil
}

// base64Vector encodes little-endian 32-bit floats, as OpenAI's clients ask
// for by default.
func base64Vector(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// embedOllama speaks Ollama's /api/embed.
func (s *Server) embedOllama(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	var req struct {
		Model string   `json:"model"`
		Input textList `json:"input"`
	}
	err := readJSON(r, &req)
	if err == nil {
		err = s.backend.checkModel(req.Model)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	vectors, tokens, err := s.backend.embed(r.Context(), req.Input)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"model":             s.backend.embedder.Model(),
		"embeddings":        vectors,
		"total_duration":    time.Since(start).Nanoseconds(),
		"load_duration":     0,
		"prompt_eval_count": tokens,
	})
}

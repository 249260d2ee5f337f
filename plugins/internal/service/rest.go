package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// routes returns the REST and GraphQL handlers.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /embed", s.embedTEI)
	mux.HandleFunc("POST /v1/embeddings", s.embedOpenAI)
	mux.HandleFunc("POST /api/embed", s.embedOllama)
	mux.HandleFunc("GET /search", s.searchByQuery)
	mux.HandleFunc("POST /search", s.searchByBody)
	mux.HandleFunc("GET /collections", s.listCollections)
	mux.HandleFunc("GET /collections/{name}", s.showCollection)
	mux.HandleFunc("POST /graphql", s.graphql)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "model": s.backend.embedder.Model()})
	})
	if s.opts.FaultsEndpoint {
		mux.HandleFunc("GET /faults", s.showFaults)
		mux.HandleFunc("POST /faults", s.setFaults)
	}
	return s.delayed(jsonErrors(mux))
}

// delayed applies the faults to every request but those that switch them.
func (s *Server) delayed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/faults" {
			if err := s.faults.Load().Wait(r.Context(), r.URL.Path); err != nil {
				return // the client is gone
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		next.ServeHTTP(w, r)
	})
}

// jsonErrors gives a request that no route matches a JSON error, like every
// other refused request has.
func jsonErrors(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &statusProbe{header: http.Header{}}
		mux.ServeHTTP(probe, r)
		if allow := probe.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			writeJSON(w, http.StatusMethodNotAllowed, errorBody{fmt.Sprintf("method %s is not allowed on %s; want %s", r.Method, r.URL.Path, allow)})
			return
		}
		writeJSON(w, http.StatusNotFound, errorBody{fmt.Sprintf("no such endpoint: %s", r.URL.Path)})
	})
}

// statusProbe takes the mux's own plain-text refusal and keeps its headers.
type statusProbe struct{ header http.Header }

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(int)             {}

type errorBody struct {
	Error any `json:"error"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer
	if err := json.NewEncoder(&buf).Encode(v); err != nil {
		status = http.StatusInternalServerError
		buf.Reset()
		fmt.Fprintf(&buf, `{"error":"encode the response: a value has no JSON form"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // an error here means the client is gone
}

// statusOf is the HTTP status of an error of the backend.
func statusOf(err error) int {
	var r *refusal
	switch {
	case errors.As(err, &r) && r.kind == notFound:
		return http.StatusNotFound
	case errors.As(err, &r) && r.kind == tooLarge:
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &r):
		return http.StatusBadRequest
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	writeJSON(w, status, errorBody{err.Error()})
}

// readJSON reads a request's whole body into v. The form's content type is let
// through because curl -d sends it when nobody says otherwise.
func readJSON(r *http.Request, v any) error {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if mt, _, err := mime.ParseMediaType(ct); err != nil || (mt != "application/json" && mt != "application/x-www-form-urlencoded") {
			return refuse(invalid, "content type %q is not understood; want application/json", ct)
		}
	}
	body, err := io.ReadAll(r.Body)
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return refuse(tooLarge, "the body is larger than %d bytes", big.Limit)
	}
	if err != nil {
		return refuse(invalid, "read the body: %v", err)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return refuse(invalid, "the body is not the JSON that is wanted: %v", err)
	}
	return nil
}

func (s *Server) searchByQuery(w http.ResponseWriter, r *http.Request) {
	p := r.URL.Query()
	q := query{Text: p.Get("q"), Collection: p.Get("collection")}
	for name, dst := range map[string]*int{"k": &q.K, "ef": &q.Ef} {
		if v := p.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				s.fail(w, r, refuse(invalid, "%s is %q; want a whole number, 1 or more", name, v))
				return
			}
			*dst = n
		}
	}
	s.answerSearch(w, r, q)
}

func (s *Server) searchByBody(w http.ResponseWriter, r *http.Request) {
	var q query
	if err := readJSON(r, &q); err != nil {
		s.fail(w, r, err)
		return
	}
	s.answerSearch(w, r, q)
}

func (s *Server) answerSearch(w http.ResponseWriter, r *http.Request, q query) {
	a, err := s.backend.search(r.Context(), q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, a)
}

func (s *Server) listCollections(w http.ResponseWriter, r *http.Request) {
	list, err := s.backend.collections(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"collections": list})
}

func (s *Server) showCollection(w http.ResponseWriter, r *http.Request) {
	col, err := s.backend.collection(r.Context(), r.PathValue("name"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, col)
}

func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"faults": s.faults.Load().String()})
}

func (s *Server) setFaults(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Faults *string `json:"faults"`
	}
	err := readJSON(r, &body)
	if err == nil && body.Faults == nil {
		err = refuse(invalid, `want {"faults": "fixed=20ms"}, or {"faults": ""} for none`)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	f, err := ParseFaults(*body.Faults)
	if err != nil {
		s.fail(w, r, refuse(invalid, "%v", err))
		return
	}
	s.faults.Store(f)
	s.log.Info("faults switched", "faults", f.String())
	writeJSON(w, http.StatusOK, map[string]string{"faults": f.String()})
}

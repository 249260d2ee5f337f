package hubtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What one request about a check may hold.
const (
	MaxAnnotations = 50
	MaxCheckText   = 65535 // characters of a summary, and of a text
)

// conclusions are those that a client may set; stale is GitHub's own.
var conclusions = []string{"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"}

// checkInput is the body of a request to create or change a check.
type checkInput struct {
	Name        *string
	HeadSHA     string  `json:"head_sha"`
	DetailsURL  *string `json:"details_url"`
	ExternalID  *string `json:"external_id"`
	Status      *string
	Conclusion  *string
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title, Summary, Text *string
		Annotations          []annotation
	}
}

func (s *Server) createCheck(q *request) answer {
	in, a, ok := readCheck(q)
	if !ok {
		return a
	}
	if in.Name == nil || in.HeadSHA == "" {
		return problem(422, `Invalid request. "name" and "head_sha" weren't supplied.`)
	}
	if !q.repo.has(in.HeadSHA) {
		return problem(422, "No commit found for SHA: "+in.HeadSHA)
	}
	c := &check{id: s.id(), sha: in.HeadSHA, login: q.token.Login, app: q.token.App, status: "queued", started: s.now()}
	s.change(c, in)
	q.repo.checks = append(q.repo.checks, c)
	a = say(201, s.viewCheck(q.repo, c))
	return a
}

func (s *Server) updateCheck(q *request) answer {
	c, a, ok := q.check()
	if !ok {
		return a
	}
	if c.app != q.token.App {
		return problem(403, "Invalid app_id `"+q.token.App+"` - check run can only be modified by the GitHub App that created it.")
	}
	in, a, ok := readCheck(q)
	if !ok {
		return a
	}
	s.change(c, in)
	return say(200, s.viewCheck(q.repo, c))
}

// readCheck refuses what GitHub refuses.
func readCheck(q *request) (checkInput, answer, bool) {
	var in checkInput
	if json.Unmarshal(q.Body, &in) != nil {
		return in, problem(400, "Problems parsing JSON"), false
	}
	no := func(format string, args ...any) (checkInput, answer, bool) {
		return in, problem(422, "Invalid request.\n\n"+fmt.Sprintf(format, args...)), false
	}
	if o := in.Output; o != nil {
		if n := len(o.Annotations); n > MaxAnnotations {
			return no("No more than %d items are allowed; %d were supplied.", MaxAnnotations, n)
		}
		if o.Summary == nil {
			return no(`"summary" wasn't supplied.`)
		}
		for _, t := range []*string{o.Summary, o.Text} {
			if t != nil && utf8.RuneCountInString(*t) > MaxCheckText {
				return no("Only %d characters are allowed; %d were supplied.", MaxCheckText, utf8.RuneCountInString(*t))
			}
		}
	}
	if in.Conclusion != nil && !slices.Contains(conclusions, *in.Conclusion) {
		return no("%s is not a member of %q.", *in.Conclusion, conclusions)
	}
	if in.Status != nil && *in.Status == "completed" && in.Conclusion == nil {
		return no(`"conclusion" wasn't supplied.`)
	}
	return in, answer{}, true
}

func set(to *string, from *string) {
	if from != nil {
		*to = *from
	}
}

// change applies a request. Annotations are added to those of earlier ones;
// a conclusion completes the check.
func (s *Server) change(c *check, in checkInput) {
	set(&c.name, in.Name)
	set(&c.detailsURL, in.DetailsURL)
	set(&c.externalID, in.ExternalID)
	set(&c.status, in.Status)
	if in.Status != nil && *in.Status != "completed" {
		c.conclusion, c.completed = "", time.Time{}
	}
	if in.StartedAt != nil {
		c.started = *in.StartedAt
	}
	if in.Conclusion != nil {
		c.status, c.conclusion, c.completed = "completed", *in.Conclusion, s.now()
		if in.CompletedAt != nil {
			c.completed = *in.CompletedAt
		}
	}
	if o := in.Output; o != nil {
		set(&c.title, o.Title)
		set(&c.summary, o.Summary)
		set(&c.text, o.Text)
		c.annotations = append(c.annotations, o.Annotations...)
		if n := len(o.Annotations); n > 0 {
			c.batches = append(c.batches, n)
		}
	}
}

func (s *Server) getCheck(q *request) answer {
	c, a, ok := q.check()
	if !ok {
		return a
	}
	return say(200, s.viewCheck(q.repo, c))
}

func (s *Server) listAnnotations(q *request) answer {
	c, a, ok := q.check()
	if !ok {
		return a
	}
	var all []any
	for _, n := range c.annotations {
		all = append(all, s.viewAnnotation(q.repo, c, n))
	}
	return s.page(q, all, func(part []any) any { return part })
}

// listChecks gives a commit's checks, newest first; by default only the
// newest of each name and App.
func (s *Server) listChecks(q *request) answer {
	sha := q.repo.resolve(q.params["ref"])
	if sha == "" {
		return problem(422, "No commit found for SHA: "+q.params["ref"])
	}
	var all []any
	seen := map[string]bool{}
	for _, c := range slices.Backward(q.repo.checks) {
		if c.sha != sha || !asked(q, "check_name", c.name) || !asked(q, "status", c.status) || !asked(q, "app_id", fmtID(appID(s, c.app))) {
			continue
		}
		key := c.name + "\x00" + c.app
		if q.Query.Get("filter") != "all" && seen[key] {
			continue
		}
		seen[key] = true
		all = append(all, s.viewCheck(q.repo, c))
	}
	return s.page(q, all, func(part []any) any { return obj{"total_count": len(all), "check_runs": part} })
}

// asked says whether a value passes a filter of the query.
func asked(q *request, name, value string) bool {
	want := q.Query.Get(name)
	return want == "" || want == value
}

func (q *request) check() (*check, answer, bool) {
	for _, c := range q.repo.checks {
		if fmtID(c.id) == q.params["check_run_id"] {
			return c, answer{}, true
		}
	}
	return nil, problem(404, "Not Found"), false
}

func (s *Server) createStatus(q *request) answer {
	var in struct {
		State                string
		TargetURL            *string `json:"target_url"`
		Description, Context *string
	}
	if json.Unmarshal(q.Body, &in) != nil {
		return problem(400, "Problems parsing JSON")
	}
	if !q.repo.has(q.params["sha"]) {
		return problem(422, "No commit found for SHA: "+q.params["sha"])
	}
	if !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State) {
		return invalid("Status", "state", "custom", "state is not included in the list")
	}
	st := &status{id: s.id(), sha: q.params["sha"], login: q.token.Login, state: in.State, context: "default", created: s.now()}
	set(&st.context, in.Context)
	set(&st.description, in.Description)
	set(&st.targetURL, in.TargetURL)
	if utf8.RuneCountInString(st.description) > 140 {
		return invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	if t := st.targetURL; t != "" && !strings.HasPrefix(t, "http://") && !strings.HasPrefix(t, "https://") {
		return invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
	}
	q.repo.statuses = append(q.repo.statuses, st)
	a := say(201, s.viewStatus(q.repo, st))
	a.header.Set("Location", s.statusURL(q.repo, st))
	return a
}

func (s *Server) listStatuses(q *request) answer {
	sha := q.repo.resolve(q.params["ref"])
	var all []any
	for _, st := range slices.Backward(q.repo.statuses) {
		if st.sha == sha {
			all = append(all, s.viewStatus(q.repo, st))
		}
	}
	return s.page(q, all, func(part []any) any { return part })
}

func (s *Server) combinedStatus(q *request) answer {
	sha := q.repo.resolve(q.params["ref"])
	if sha == "" {
		return problem(404, "Not Found")
	}
	var all []any
	state := "success"
	for _, st := range q.repo.newestStatuses(sha) {
		v := s.viewStatus(q.repo, st)
		delete(v, "creator")
		all = append(all, v)
		switch {
		case st.state == "failure" || st.state == "error":
			state = "failure"
		case st.state == "pending" && state == "success":
			state = "pending"
		}
	}
	if len(all) == 0 {
		state = "pending"
	}
	url := s.repoURL(q.repo) + "/commits/" + sha
	return s.page(q, all, func(part []any) any {
		return obj{
			"state": state, "statuses": part, "sha": sha, "total_count": len(all), "repository": s.viewRepo(q.repo, false),
			"commit_url": url, "url": url + "/status",
		}
	})
}

// newestStatuses gives a commit's newest status of each context.
func (r *Repo) newestStatuses(sha string) []*status {
	var out []*status
	seen := map[string]bool{}
	for _, st := range slices.Backward(r.statuses) {
		if st.sha == sha && !seen[st.context] {
			seen[st.context] = true
			out = append(out, st)
		}
	}
	return out
}

package hubtest

import (
	"fmt"
	"strings"
)

// Dump is the state as text, for goldens: pull requests with their comments,
// commits with their checks and statuses. It has no times and no numbers that
// the stand-in made up; commits have their first 12 characters.
func (s *Server) Dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, r := range s.repos {
		fmt.Fprintf(&b, "%s\n", r.full())
		for _, p := range r.pulls {
			fmt.Fprintf(&b, "  pull %d %s: %s:%s %.12s → %s\n", p.number, p.words(), p.headOwner, p.headBranch, p.headSHA, p.baseBranch)
			r.dumpComments(&b, p.number)
		}
		for _, sha := range r.commits {
			r.dumpCommit(&b, sha)
		}
	}
	return b.String()
}

func (p *pull) words() string {
	w := p.state()
	if p.merged {
		w = "merged"
	}
	if p.draft {
		w += " draft"
	}
	if p.locked {
		w += " locked"
	}
	return w
}

// dumpComments folds comments that are the same into one line of head.
func (r *Repo) dumpComments(b *strings.Builder, number int) {
	var of []*comment
	for _, c := range r.comments {
		if c.pull == number {
			of = append(of, c)
		}
	}
	for i := 0; i < len(of); {
		c, n := of[i], 1
		for i+n < len(of) && of[i+n].login == c.login && of[i+n].body == c.body {
			n++
		}
		fmt.Fprintf(b, "    comment by %s", c.login)
		if c.edits > 0 {
			fmt.Fprintf(b, ", edited %d×", c.edits)
		}
		fmt.Fprintf(b, "%s\n", more(n))
		quote(b, "      ", c.body)
		i += n
	}
}

func (r *Repo) dumpCommit(b *strings.Builder, sha string) {
	var lines strings.Builder
	for _, c := range r.checks {
		if c.sha == sha {
			c.dump(&lines)
		}
	}
	statuses := r.newestStatuses(sha)
	for i := len(statuses) - 1; i >= 0; i-- {
		st := statuses[i]
		fmt.Fprintf(&lines, "    status %q %s by %s: %s\n", st.context, st.state, st.login, st.description)
		if st.targetURL != "" {
			fmt.Fprintf(&lines, "      link %s\n", st.targetURL)
		}
	}
	if lines.Len() > 0 {
		fmt.Fprintf(b, "  commit %.12s\n%s", sha, lines.String())
	}
}

func (c *check) dump(b *strings.Builder) {
	fmt.Fprintf(b, "    check %q %s by %s\n", c.name, strings.TrimSpace(c.status+" "+c.conclusion), c.login)
	if c.detailsURL != "" {
		fmt.Fprintf(b, "      link %s\n", c.detailsURL)
	}
	if c.title != "" {
		fmt.Fprintf(b, "      title %s\n", c.title)
	}
	for _, part := range []struct{ name, text string }{{"summary", c.summary}, {"text", c.text}} {
		if part.text != "" {
			fmt.Fprintf(b, "      %s\n", part.name)
			quote(b, "        ", part.text)
		}
	}
	for i := 0; i < len(c.annotations); {
		a, n := c.annotations[i], 1
		for i+n < len(c.annotations) && c.annotations[i+n] == a {
			n++
		}
		fmt.Fprintf(b, "      %s %s:%d %s: %s%s\n", a.AnnotationLevel, a.Path, a.StartLine, a.Title, strings.ReplaceAll(a.Message, "\n", " / "), more(n))
		i += n
	}
}

// more says how many there are beside one.
func more(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(", and %d more like it", n-1)
}

// quote writes a text with a bar before each line.
func quote(b *strings.Builder, indent, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(b, "%s%s\n", indent, strings.TrimRight("| "+strings.TrimSuffix(line, "\r"), " "))
	}
}

// DumpCalls is the requests so far, one a line, with their statuses.
func (s *Server) DumpCalls() string {
	var b strings.Builder
	for _, c := range s.Calls() {
		fmt.Fprintf(&b, "%s\n", c.String())
	}
	return b.String()
}

package hubtest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// page gives the asked part of a list, with GitHub's Link header. A page has
// 30 entries unless asked otherwise, and at most 100. wrap makes the body.
func (s *Server) page(q *request, all []any, wrap func([]any) any) answer {
	size := number(q.Query, "per_page", 30)
	if size > 100 {
		size = 100
	}
	page := number(q.Query, "page", 1)
	last := max(1, (len(all)+size-1)/size)
	from := min(len(all), (page-1)*size)
	to := min(len(all), from+size)
	a := say(200, wrap(append([]any{}, all[from:to]...)))
	var links []string
	link := func(n int, rel string) {
		v := url.Values{}
		for k := range q.Query {
			v[k] = q.Query[k]
		}
		v.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, s.api, (&url.URL{Path: q.Path}).EscapedPath(), v.Encode(), rel))
	}
	if page > 1 {
		link(min(page-1, last), "prev")
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(1, "first")
	}
	if len(links) > 0 {
		a.header.Set("Link", strings.Join(links, ", "))
	}
	return a
}

// number reads a positive number of the query.
func number(q url.Values, name string, otherwise int) int {
	if n, err := strconv.Atoi(q.Get(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

package hub

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// actionsBot is the author of what a job writes with its GITHUB_TOKEN.
const actionsBot = "github-actions[bot]"

// author is who the client writes as.
type author struct {
	login string // "" is not known yet
	// sure says that login is no guess.
	sure bool
}

// author finds out whom the client writes as, once.
//
// An App and a person can be asked for. The token of an installation cannot
// ask REST who it is: it is taken for that of a workflow, until a comment that
// it made, or [Client.viewer], says otherwise.
func (c *Client) author(ctx context.Context) (author, error) {
	c.mu.Lock()
	me := c.me
	c.mu.Unlock()
	if me.login != "" {
		return me, nil
	}
	var err error
	switch t := c.o.Token; {
	case c.o.Login != "":
		me = author{c.o.Login, true}
	case c.app != nil:
		me.sure = true
		// It is a read that does not go through the retrier.
		for failed := 1; ; failed++ {
			if me.login, err = c.app.name(ctx); err == nil {
				break
			}
			if err = c.http.pause(ctx, failed, err); err != nil {
				break
			}
		}
	case t == "", strings.HasPrefix(t, "ghs_"), strings.HasPrefix(t, "v1."):
		me = author{actionsBot, false}
	default:
		me, err = c.user(ctx)
	}
	if err != nil {
		return author{}, err
	}
	c.become(me)
	return me, nil
}

// become keeps what is known of the author.
func (c *Client) become(me author) {
	c.mu.Lock()
	c.me = me
	c.mu.Unlock()
}

// user asks whose token it is. Tokens of persons begin with ghp_, github_pat_,
// gho_ or ghu_; those of old servers do not say what they are.
func (c *Client) user(ctx context.Context) (author, error) {
	o := op{what: "find out whose token it is"}
	user, _, err := c.gh.Users.Get(o.in(ctx), "")
	err = explain(o, err)
	switch {
	case err == nil && user.GetLogin() != "":
		return author{user.GetLogin(), true}, nil
	case err == nil:
		return author{}, &ServerError{&Failure{Op: o.what, Message: "the answer names nobody"}}
	case forbidden(err):
		return author{actionsBot, false}, nil
	}
	return author{}, err
}

// viewer asks GraphQL, which tells every token who it is. It is asked only
// where a guess would matter, as it is a call more.
func (c *Client) viewer(ctx context.Context) (string, error) {
	o := op{what: "find out whose token it is", reads: true}
	// Enterprise Server has it at /api/graphql, beside /api/v3.
	address := *c.base
	address.Path = strings.TrimSuffix(c.base.Path, "v3/") + "graphql"
	req, err := c.gh.NewRequest(http.MethodPost, address.String(), map[string]string{"query": "query{viewer{login}}"})
	if err != nil {
		return "", err
	}
	var said struct {
		Data struct {
			Viewer struct {
				Login string `json:"login"`
			} `json:"viewer"`
		} `json:"data"`
	}
	if _, err := c.gh.Do(o.in(ctx), req, &said); err != nil {
		return "", explain(o, err)
	}
	if said.Data.Viewer.Login == "" {
		return "", errors.New(o.what + ": the answer names nobody")
	}
	return said.Data.Viewer.Login, nil
}

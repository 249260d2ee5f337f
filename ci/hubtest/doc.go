// Package hubtest is a GitHub for tests: a server that keeps pull requests,
// comments, checks, statuses, files, workflow runs and artifacts, answers the
// part of the REST API that a bot on pull requests needs, and misbehaves on
// request.
//
// Every request that it gets and every answer that it gives is held against
// GitHub's own OpenAPI description where that is installed (see Contract), so
// that neither a client nor the stand-in can drift from the real thing
// unnoticed. What the description does not say (which token may do what, what
// a locked pull request answers, how long a comment may be, rate limits) is
// modelled from GitHub's documentation and from bodies that people have
// reported.
//
// It is not a GitHub: no git, no reviews, no search, no webhooks, no GraphQL,
// no replication lag. It stands in no program that is shipped: only tests
// import it. It shares no code with the client that is tested with it.
//
// In short:
//
//	hub := hubtest.Start(t, hubtest.Options{State: text})  // listens on 127.0.0.1
//	hub := hubtest.New(hubtest.Options{State: text})       // no sockets: use hub.Transport()
//	hub.Inject(hubtest.Fault{On: "POST …/comments", Kind: hubtest.Cut, Applied: true})
//	hub.Before("PATCH …/comments/{comment_id}", func(*hubtest.Call) { … })
//	hub.Dump()                                             // comments, checks and statuses as text
package hubtest

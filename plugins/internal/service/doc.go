// Package service is the reference retrieval service: one process that embeds
// texts and searches collections of vectors, over REST, GraphQL and gRPC.
//
// It is what a benchmark of plugin api measures when the config names no other
// target, so it behaves as a service in production does: requests are limited
// and validated, errors are JSON with a status, HTTP/1.1 and cleartext HTTP/2
// are served on one port, and a stop lets the requests in flight finish.
//
//	POST /embed               {"inputs": "…" | ["…"]}           text-embeddings-inference's shape
//	POST /v1/embeddings       {"input": "…" | ["…"]}            OpenAI's shape, with usage
//	POST /api/embed           {"input": "…" | ["…"]}            Ollama's shape
//	GET  /search              ?q=…&collection=…&k=10&ef=64
//	POST /search              {"text" | "vector", "collection", "k", "ef"}
//	GET  /collections
//	GET  /collections/{name}
//	POST /graphql             collections, collection, search, embed; introspection is on
//	GET  /healthz
//	GET, POST /faults         only with Options.FaultsEndpoint; see [ParseFaults]
//	gRPC harness.retrieval.v1.Retrieval: Embed, Search, ListCollections, and the streams StreamHits (of
//	the server), EmbedMany (of the client) and SearchMany (of both), with reflection and health
//
// It is neither an encoder nor an index: it takes both through the interfaces
// [Embedder] and [Index]. It has no authentication and is meant for a loopback
// address.
package service

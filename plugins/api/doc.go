// Package api benchmarks the endpoints of a service: HTTP/1.1 and HTTP/2
// requests (benchmark http), GraphQL operations (graphql) and unary gRPC calls
// (grpc).
//
// One scenario is one endpoint: an address, a request that may take its values
// from rows of data, and what the answer has to look like. An op is one
// request, answered in full and checked; what is not as expected is a failed
// op under a class that says how, so the success ratio is that of right
// answers, not of answers.
//
// Requests go through net/http and grpc-go, which cost a generator several
// times what a hand-written client does; every session's provenance names the
// engine and the protocol version that was negotiated. The package is not a
// browser and not a proxy client: it keeps no cookies, asks for no compression
// and ignores the proxy settings of the environment.
package api

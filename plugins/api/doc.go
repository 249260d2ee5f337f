// Package api benchmarks the endpoints of a service: HTTP/1.1, HTTP/2 and HTTP/3
// requests (benchmark http), GraphQL operations (graphql) and gRPC calls, unary
// or streaming (grpc).
//
// One scenario is one endpoint: an address, a request that may take its values
// from rows of data, and what the answer has to look like. An op is one
// request, answered in full and checked, and of a gRPC stream the whole call; what is not as expected is a failed
// op under a class that says how, so the success ratio is that of right
// answers, not of answers.
//
// The engine of a request changes results several times over, so every session's
// provenance names it, with the protocol version that was negotiated: package
// http1 wherever HTTP/1.1 will do, net/http for HTTP/2 and redirects, quic-go for
// HTTP/3, grpc-go for gRPC. The package is not a browser and not a proxy client:
// it keeps no cookies, asks for no compression and ignores the proxy settings of
// the environment.
package api

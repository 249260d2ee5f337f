// Package vector measures nearest-neighbour search over Qdrant's gRPC
// protocol: latency, throughput and recall at one setting of the index, always
// through Qdrant's own Go client.
//
// A scenario measures a collection that it makes from generated vectors and
// deletes again, or one that exists, which it only reads. What the right
// answers are is computed here, exactly, from the vectors; the server under
// test is not asked.
//
// Upload, indexing, time until ready and searching are separate figures. The
// package says nothing about the quality of embeddings: generated vectors are
// clustered like them and are no embeddings.
package vector

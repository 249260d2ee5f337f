// Package embedding benchmarks the making of embeddings: texts in, one vector
// a text out.
//
// Benchmark text runs the encoder of the reference stack in the plugin's own
// process. Benchmark endpoint sends the same texts to a server that speaks
// OpenAI's /v1/embeddings, text-embeddings-inference's /embed or Ollama's
// /api/embed. One op is one batch of texts. Every vector of every op is
// checked: its dimension, that all its values are finite and, where it is
// expected, that its length is 1.
//
// It measures cost, not quality: whether a model's vectors mean anything is
// no concern of it. Random weights are therefore good enough to measure the
// shape of a model, and are never reported as the model.
package embedding

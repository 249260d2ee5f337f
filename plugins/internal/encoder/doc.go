// Package encoder is a BERT-style text encoder in Go, without cgo: WordPiece tokens, a stack of transformer layers,
// pooling, one vector a text. It is the embedding model of the reference stack.
//
// It computes what the published models compute, so its cost is theirs: the same layers, widths, activations and pooling.
// Without a model directory the weights are random, drawn from a seed; the vectors then mean nothing and Info says
// "random". With a directory it loads Hugging Face's BERT layout (model.safetensors, config.json, vocab.txt or
// tokenizer.json) and the vectors are the model's.
//
// One Encode uses one core unless a session asks for more threads: concurrency comes from many workers, each with its own
// Session. Texts of a batch are not padded: their tokens stand one after the other, and attention sees each text alone.
//
// It is not a training framework, does not read ONNX or PyTorch files, and knows no decoder model: phi-3-mini is reached
// only through an endpoint, and asking for it here gives an *UnsupportedModelError.
package encoder

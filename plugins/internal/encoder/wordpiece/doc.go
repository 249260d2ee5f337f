// Package wordpiece turns text into BERT token ids: basic tokenisation (cleaning, lower case, accents, CJK spacing,
// punctuation) followed by greedy longest-match WordPiece.
//
// It reads a vocabulary from vocab.txt or from a Hugging Face tokenizer.json, or makes one of its own (see Builtin), so
// that an encoder with random weights needs no file at all.
//
// It is not a general tokenizer: byte-pair and unigram models are refused, and special tokens written in the text, such
// as "[SEP]", are plain text here, so that no document can inject them.
package wordpiece

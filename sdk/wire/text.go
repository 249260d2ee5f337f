package wire

import "strings"

// text makes a string fit for a message. Protobuf refuses to send strings that
// are not UTF-8, and what a benchmark hands on, an answer in Latin-1 for
// example, must not cost the round that it is an example of.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func texts(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, text(s))
	}
	return out
}

// tally is a map of counts with keys made fit; those that become the same are
// added up.
func tally(in map[string]uint64) map[string]uint64 {
	if in == nil {
		return nil
	}
	out := make(map[string]uint64, len(in))
	for k, n := range in {
		out[text(k)] += n
	}
	return out
}

// notes is a map of texts with keys and values made fit.
func notes(in map[string]string) map[string]string {
	if in == nil {
		return nil
	}
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[text(k)] = text(v)
	}
	return out
}

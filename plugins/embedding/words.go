package embedding

import (
	"math/rand/v2"
	"strings"
)

// The generator's words are short and common, so that nearly every one is one
// token to any English vocabulary.
var (
	determiners  = strings.Fields("the every this that each our their his her")
	adjectives   = strings.Fields("small large old new quiet bright simple common early late green white heavy open clear local modern strong warm cold")
	nouns        = strings.Fields("river city house road garden letter teacher market machine system server library engine mountain village train book window school station forest doctor kitchen bridge island paper table camera signal theory")
	verbs        = strings.Fields("opened crossed followed carried moved watched reached covered joined served entered changed offered supported needed found built left kept held")
	prepositions = strings.Fields("near behind under across beyond through beside above from with")
	conjunctions = strings.Fields("and while because before after although until")
	openings     = strings.Fields("today yesterday often sometimes slowly again finally once later now")
)

// sentences makes English-like sentences, the same for the same seed.
type sentences struct{ rand *rand.Rand }

func newSentences(seed uint64) *sentences {
	return &sentences{rand.New(rand.NewPCG(seed, 0x7465787473))}
}

func (s *sentences) pick(words []string) string { return words[s.rand.IntN(len(words))] }

// next is a sentence of 6 to 24 words, about twelve on average.
func (s *sentences) next() string {
	var words []string
	if s.rand.IntN(3) == 0 {
		words = append(words, s.pick(openings))
	}
	words = s.clause(words)
	if s.rand.IntN(4) == 0 {
		words = s.clause(append(words, s.pick(conjunctions)))
	}
	text := strings.Join(words, " ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func (s *sentences) clause(words []string) []string {
	words = s.thing(words)
	words = append(words, s.pick(verbs))
	words = s.thing(words)
	if s.rand.IntN(2) == 0 {
		words = s.thing(append(words, s.pick(prepositions)))
	}
	return words
}

// thing is a noun with its determiner and, mostly, an adjective.
func (s *sentences) thing(words []string) []string {
	words = append(words, s.pick(determiners))
	if s.rand.IntN(3) > 0 {
		words = append(words, s.pick(adjectives))
	}
	return append(words, s.pick(nouns))
}

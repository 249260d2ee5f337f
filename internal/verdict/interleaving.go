package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// Interleaving says which part of an interleaved comparison a run document is.
// It travels in the run's settings, so that the documents alone say how to
// judge them again.
type Interleaving struct {
	Comparison string // the same in all documents of one comparison
	Side       string // "base" or "head"
	Repeat     bool   // of the second set, which confirms
	Looks      []int  // rounds at which the first set was looked at
}

// Names of the settings that hold an [Interleaving].
const (
	settingComparison = "interleaved-comparison"
	settingSide       = "interleaved-side"
	settingSet        = "interleaved-set"
	settingLooks      = "interleaved-looks"
)

// Limits of looks in a document, far above what anybody measures.
const (
	maxLooks  = 64
	maxRounds = 100_000
)

// Mark writes i into the settings of a run.
func (i Interleaving) Mark(run *result.Run) {
	set := "first"
	if i.Repeat {
		set = "repeat"
	}
	looks := make([]string, len(i.Looks))
	for k, n := range i.Looks {
		looks[k] = strconv.Itoa(n)
	}
	for _, s := range [][2]string{
		{settingComparison, i.Comparison}, {settingSide, i.Side}, {settingSet, set}, {settingLooks, strings.Join(looks, ",")},
	} {
		run.Plan.Settings = append(run.Plan.Settings, result.Setting{Name: s[0], Value: s[1], Source: "harness ab"})
	}
}

// InterleavingOf reads what [Interleaving.Mark] wrote. The error says that the
// document is no part of an interleaved comparison, or in what it is damaged.
func InterleavingOf(run *result.Run) (Interleaving, error) {
	values := map[string]string{}
	for _, s := range run.Plan.Settings {
		if _, twice := values[s.Name]; twice && strings.HasPrefix(s.Name, "interleaved-") {
			return Interleaving{}, fmt.Errorf("the setting %s is there twice", result.Printable(s.Name, 40))
		}
		values[s.Name] = s.Value
	}
	i := Interleaving{Comparison: values[settingComparison], Side: values[settingSide], Repeat: values[settingSet] == "repeat"}
	switch {
	case i.Comparison == "":
		return i, fmt.Errorf("it is not from an interleaved comparison (the setting %s is missing): measure both sides with harness ab", settingComparison)
	case i.Side != "base" && i.Side != "head":
		return i, fmt.Errorf("the setting %s is %q, want base or head", settingSide, result.Printable(i.Side, 40))
	case values[settingSet] != "first" && values[settingSet] != "repeat":
		return i, fmt.Errorf("the setting %s is %q, want first or repeat", settingSet, result.Printable(values[settingSet], 40))
	}
	var err error
	i.Looks, err = parseLooks(values[settingLooks])
	return i, err
}

func parseLooks(text string) ([]int, error) {
	wrong := fmt.Errorf("the setting %s is %q, want growing numbers of rounds with commas", settingLooks, result.Printable(text, 80))
	words := strings.SplitN(text, ",", maxLooks+1)
	if len(words) > maxLooks {
		return nil, wrong
	}
	var looks []int
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 2 || n > maxRounds || len(looks) > 0 && n <= looks[len(looks)-1] {
			return nil, wrong
		}
		looks = append(looks, n)
	}
	return looks, nil
}

// sameComparison says that two documents are parts of one comparison.
func (i Interleaving) sameComparison(o Interleaving) bool {
	return i.Comparison == o.Comparison && slices.Equal(i.Looks, o.Looks)
}

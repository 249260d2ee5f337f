package suite

import (
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk"
)

// What each kind of value looks like. The parser and the JSON Schema use the
// same expressions, so they accept the same text.
const (
	numberPattern   = `[0-9]+(\.[0-9]+)?`
	durationPattern = `^((` + numberPattern + `(ns|us|µs|ms|s|m|h))+|` + numberPattern + `)$`
	ratePattern     = `^` + numberPattern + `(/s)?$`
	percentPattern  = `^` + numberPattern + `%$`
)

// Ranges of what may be asked for. They are wide: what they keep out is a slip
// of the hand that would run for a month or start a million goroutines.
const (
	minDuration = time.Millisecond
	maxDuration = 30 * 24 * time.Hour
	maxUsers    = 100_000
	maxRounds   = 1000
	maxCount    = 1_000_000_000_000
	maxRate     = 10_000_000
	maxPercent  = 1000
)

var (
	durationExpr = regexp.MustCompile(durationPattern)
	rateExpr     = regexp.MustCompile(ratePattern)
	percentExpr  = regexp.MustCompile(percentPattern)
	numberExpr   = regexp.MustCompile(`^` + numberPattern + `$`)
	quantityExpr = regexp.MustCompile(quantityPattern)
)

// rule reads one kind of value from text, wherever the text came from.
type rule[T any] struct {
	want  string // "a duration from 1ms to 720h", for errors
	parse func(text string) (T, bool)
	text  func(T) string // how Setting.Value shows it
}

func (r rule[T]) read(o origin, text string) (T, error) {
	v, ok := r.parse(text)
	if !ok {
		var zero T
		return zero, o.errorf("is %s, want %s", show(text), r.want)
	}
	return v, nil
}

var durationRule = rule[time.Duration]{
	want:  "a duration from 1ms to 720h such as 30s, or a number of seconds",
	parse: func(s string) (time.Duration, bool) { return parseDuration(s, minDuration) },
	text:  time.Duration.String,
}

var warmupRule = rule[time.Duration]{
	want:  "a duration from 0s to 720h such as 5s, or a number of seconds",
	parse: func(s string) (time.Duration, bool) { return parseDuration(s, 0) },
	text:  time.Duration.String,
}

func parseDuration(s string, least time.Duration) (time.Duration, bool) {
	if !durationExpr.MatchString(s) {
		return 0, false
	}
	d, err := sdk.ParseDuration(s)
	return d, err == nil && d >= least && d <= maxDuration
}

func countRule(least, most uint64) rule[uint64] {
	return rule[uint64]{
		want: "a whole number from " + strconv.FormatUint(least, 10) + " to " + strconv.FormatUint(most, 10),
		parse: func(s string) (uint64, bool) {
			n, err := strconv.ParseUint(s, 10, 64)
			return n, err == nil && n >= least && n <= most
		},
		text: func(n uint64) string { return strconv.FormatUint(n, 10) },
	}
}

var (
	totalRule  = countRule(1, maxCount)
	usersRule  = countRule(1, maxUsers)
	roundsRule = countRule(1, maxRounds)
	seedRule   = countRule(0, math.MaxUint64)
)

// rateFrom reads a rate that ok takes.
func rateFrom(want string, ok func(float64) bool) rule[float64] {
	return rule[float64]{
		want: want + " up to 10000000/s, such as 1000/s or 1000",
		parse: func(s string) (float64, bool) {
			if !rateExpr.MatchString(s) {
				return 0, false
			}
			f, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
			return f, err == nil && ok(f) && f <= maxRate
		},
		text: func(f float64) string {
			if f == 0 {
				return "none"
			}
			return strconv.FormatFloat(f, 'f', -1, 64) + "/s"
		},
	}
}

var (
	rateRule      = rateFrom("a rate above 0 and", func(f float64) bool { return f > 0 })
	stageRateRule = rateFrom("a rate from 0", func(f float64) bool { return f >= 0 }) // 0 is a pause
)

// percentRule reads "10%" and, as the environment writes it, "10".
var percentRule = rule[float64]{
	want: "a percentage from 0% to 1000%, such as 10%",
	parse: func(s string) (float64, bool) {
		if !percentExpr.MatchString(s) && !numberExpr.MatchString(s) {
			return 0, false
		}
		f, err := strconv.ParseFloat(strings.TrimSuffix(s, "%")+"e-2", 64)
		return f, err == nil && f <= maxPercent/100
	},
	text: func(f float64) string { return strconv.FormatFloat(round(f*100), 'f', -1, 64) + "%" },
}

// round takes off the last digits, which the step from percent to ratio and
// back leaves behind.
func round(f float64) float64 {
	const scale = 1e9
	return math.Round(f*scale) / scale
}

var boolRule = rule[bool]{
	want:  "true or false",
	parse: parseBool,
	text:  strconv.FormatBool,
}

func parseBool(s string) (bool, bool) {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "on":
		return true, true
	case "false", "0", "no", "off":
		return false, true
	}
	return false, false
}

// unit is a unit that a quantity may be written in: the number is followed by
// exponent and read, which is exact where a product would not be, and then
// multiplied by factor.
type unit struct {
	base     string // SI base unit as run documents name it
	exponent string
	factor   float64
}

// units are those of quantities. A number without one is in the metric's own.
var units = map[string]unit{
	"ns": {"s", "e-9", 1}, "us": {"s", "e-6", 1}, "µs": {"s", "e-6", 1}, "ms": {"s", "e-3", 1},
	"s": {"s", "", 1}, "m": {"s", "", 60}, "h": {"s", "", 3600},
	"%":  {"ratio", "e-2", 1},
	"/s": {"1/s", "", 1},
	"B":  {"B", "", 1}, "kB": {"B", "e3", 1}, "MB": {"B", "e6", 1}, "GB": {"B", "e9", 1},
	"KiB": {"B", "", 1 << 10}, "MiB": {"B", "", 1 << 20}, "GiB": {"B", "", 1 << 30},
	"B/s": {"B/s", "", 1}, "kB/s": {"B/s", "e3", 1}, "MB/s": {"B/s", "e6", 1}, "GB/s": {"B/s", "e9", 1},
	"KiB/s": {"B/s", "", 1 << 10}, "MiB/s": {"B/s", "", 1 << 20}, "GiB/s": {"B/s", "", 1 << 30},
	"J": {"J", "", 1},
}

var quantityPattern = `^` + numberPattern + `(` + strings.Join(unitNames(), "|") + `)?$`

func unitNames() []string {
	names := make([]string, 0, len(units))
	for n := range units {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// sizePattern is for the JSON Schema: units of bytes only.
const sizePattern = `^` + numberPattern + `(B|kB|MB|GB|KiB|MiB|GiB)?$`

// Range of sizes in bytes.
const (
	minSize = 1 << 10
	maxSize = 4 << 30
)

var sizeRule = rule[int64]{
	want: "a size from 1KiB to 4GiB such as 64MiB",
	parse: func(s string) (int64, bool) {
		v, unit, ok := parseQuantity(s)
		return int64(v), ok && (unit == "B" || unit == "") && v >= minSize && v <= maxSize
	},
	text: sizeText,
}

// sizeText writes a size in the largest unit that divides it.
func sizeText(n int64) string {
	for _, u := range []string{"GiB", "MiB", "KiB"} {
		if f := int64(units[u].factor); n >= f && n%f == 0 {
			return strconv.FormatInt(n/f, 10) + u
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

const wantQuantity = "a number of 0 or more with its unit, such as 10ms, 99.9%, 10000/s or 64MiB"

// parseQuantity returns the value in its SI base unit, and that unit; "" when
// the text has none.
func parseQuantity(s string) (float64, string, bool) {
	if !quantityExpr.MatchString(s) {
		return 0, "", false
	}
	end := strings.LastIndexAny(s, "0123456789") + 1
	u, hasUnit := units[s[end:]]
	f, err := strconv.ParseFloat(s[:end]+u.exponent, 64)
	if err != nil {
		return 0, "", false
	}
	if !hasUnit {
		return f, "", true
	}
	return f * u.factor, u.base, true
}

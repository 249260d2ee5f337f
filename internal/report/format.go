package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

const (
	notAvailable = "n/a"
	// maxText is the length in bytes of the longest free text that is shown.
	maxText = 400
)

// clean makes text from the document safe to show on one line.
func clean(s string) string { return result.Printable(s, maxText) }

// scale is a prefix: values from its factor on are shown with it.
type scale struct {
	factor float64
	unit   string
}

var (
	seconds  = []scale{{1e-9, " ns"}, {1e-6, " µs"}, {1e-3, " ms"}, {1, " s"}}
	rates    = []scale{{1, "/s"}, {1e3, " k/s"}, {1e6, " M/s"}, {1e9, " G/s"}}
	binary   = []scale{{1, " B"}, {1 << 10, " KiB"}, {1 << 20, " MiB"}, {1 << 30, " GiB"}, {1 << 40, " TiB"}}
	perByte  = []scale{{1, " B/s"}, {1e3, " kB/s"}, {1e6, " MB/s"}, {1e9, " GB/s"}}
	joules   = []scale{{1, " J"}, {1e3, " kJ"}, {1e6, " MJ"}}
	megabyte = []scale{{1e6, " MB/s"}}
	megabit  = []scale{{1e6 / 8, " Mbit/s"}} // of a value in bytes per second
)

// Quantity writes a value in SI base units for people: three significant
// digits and a fitting prefix.
func Quantity(x float64, unit string) string {
	switch unit {
	case "s":
		return prefixed(x, seconds)
	case "1/s":
		return prefixed(x, rates)
	case "B":
		return prefixed(x, binary)
	case "B/s":
		return prefixed(x, perByte)
	case "J":
		return prefixed(x, joules)
	case "ratio":
		return percent(x)
	case "Cel":
		return digits(x) + " °C"
	case "", "1":
		return digits(x)
	}
	return digits(x) + " " + clean(unit)
}

func prefixed(x float64, scales []scale) string {
	if x == 0 {
		return zero(scales)
	}
	s := scales[0]
	for _, next := range scales[1:] {
		// 999.6 µs is 1.00 ms: compare what will be shown.
		if math.Abs(x) >= next.factor*(1-0.0005) {
			s = next
		}
	}
	return digits(x/s.factor) + s.unit
}

// zero is written without prefix.
func zero(scales []scale) string {
	for _, s := range scales {
		if s.factor == 1 {
			return "0" + s.unit
		}
	}
	return "0" + scales[0].unit
}

// digits writes three significant digits, all of an integer part below 1e15,
// and groups thousands.
func digits(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return notAvailable
	}
	a := math.Abs(x)
	decimals := 0
	switch {
	case a == math.Trunc(a) && a < 1e15:
	case a < 0.001 || a >= 1e15:
		return strconv.FormatFloat(x, 'g', 3, 64)
	case a < 9.995:
		decimals = 2
		if a < 0.0995 {
			decimals = 2 + int(math.Ceil(-math.Log10(a)))
		}
	case a < 99.95:
		decimals = 1
	}
	return group(strconv.FormatFloat(x, 'f', decimals, 64))
}

func group(s string) string {
	whole, fraction, hasFraction := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}

// percent never rounds up to 100% or down to 0% what is neither: one failed
// op in a million shows.
func percent(x float64) string {
	switch {
	case x == 0 || x == 1:
		return digits(x*100) + "%"
	case x > 0.9999 && x < 1:
		return ">99.99%"
	case x > 0.9995 && x < 1:
		return strconv.FormatFloat(math.Floor(x*1e4)/100, 'f', 2, 64) + "%"
	case x > 0 && x < 0.0005:
		return "<0.1%"
	}
	return strconv.FormatFloat(x*100, 'f', 1, 64) + "%"
}

// count writes a number of things: "1 round", "2 rounds".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return group(strconv.Itoa(n)) + " " + thing + "s"
}

// sentence joins parts as "a", "a and b", "a, b and c".
func sentence(parts []string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}

// label turns a name in snake case into words: "cpu_model" is "Cpu model".
func label(name string) string {
	s := strings.TrimSpace(strings.NewReplacer("_", " ", ".", " ").Replace(clean(name)))
	if s == "" {
		return s
	}
	first := []rune(s)
	return strings.ToUpper(string(first[:1])) + string(first[1:])
}

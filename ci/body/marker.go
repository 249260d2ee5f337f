package body

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// Marker says which comment this is and which run wrote it. It is the last
// line of a comment's body, hidden from readers:
//
//	<!-- harness:v1 suite=default leg= head=9be1d20… run=123 attempt=1 -->
type Marker struct {
	Suite   string
	Leg     string // "" for all legs in one comment
	Head    string // SHA
	Run     int64  // of the workflow; 0 is unknown
	Attempt int    // of that run, from 1
}

const (
	markerOpen  = "<!-- harness:v1 "
	markerClose = " -->"
	// maxMarkerName is the length in bytes from which a name is cut and told
	// apart by its hash.
	maxMarkerName = 200
)

// String is the marker's line, without the end of line. No name can end it
// early: everything but letters, digits, '-', '_', '.' and '~' is encoded as in
// the query of a URL.
func (m Marker) String() string {
	var b strings.Builder
	b.WriteString(markerOpen)
	b.WriteString("suite=" + markerName(m.Suite))
	b.WriteString(" leg=" + markerName(m.Leg))
	b.WriteString(" head=" + markerName(m.Head))
	b.WriteString(" run=" + strconv.FormatInt(max(m.Run, 0), 10))
	b.WriteString(" attempt=" + strconv.Itoa(max(m.Attempt, 0)))
	b.WriteString(markerClose)
	return b.String()
}

func markerName(s string) string { return url.QueryEscape(cutName(s)) }

// cutName keeps a marker's line short, and different names different.
func cutName(s string) string {
	if len(s) <= maxMarkerName {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return s[:maxMarkerName-33] + "~" + hex.EncodeToString(sum[:16])
}

// Key tells comments of one pull request apart: there is to be one for each
// suite, or for each leg of a suite.
func (m Marker) Key() string { return markerName(m.Suite) + " " + markerName(m.Leg) }

// Newer says whether m was written by a later run than other, or by a later
// attempt at the same run. Numbers of workflow runs grow. A run that is not
// known is never newer, and nothing is newer than it.
func (m Marker) Newer(other Marker) bool {
	if m.Run == 0 || other.Run == 0 {
		return false
	}
	if m.Run != other.Run {
		return m.Run > other.Run
	}
	return m.Attempt > other.Attempt
}

// ParseMarker finds the marker of a comment's body. Only the last line that is
// not empty can be one, and only letter for letter as String writes it, so that
// nothing that a body quotes is taken for it. A long name comes back as String
// has cut it, with the same Key.
func ParseMarker(body string) (Marker, bool) {
	body = strings.TrimRight(body, " \t\r\n")
	line := body[strings.LastIndexAny(body, "\r\n")+1:]
	inner, ok := strings.CutPrefix(line, markerOpen)
	if !ok {
		return Marker{}, false
	}
	if inner, ok = strings.CutSuffix(inner, markerClose); !ok {
		return Marker{}, false
	}
	fields := strings.Split(inner, " ")
	if len(fields) != 5 {
		return Marker{}, false
	}
	values := make([]string, len(fields))
	for i, name := range []string{"suite=", "leg=", "head=", "run=", "attempt="} {
		text, ok := strings.CutPrefix(fields[i], name)
		if !ok {
			return Marker{}, false
		}
		value, err := url.QueryUnescape(text)
		if err != nil {
			return Marker{}, false
		}
		values[i] = value
	}
	run, err1 := strconv.ParseInt(values[3], 10, 64)
	attempt, err2 := strconv.Atoi(values[4])
	m := Marker{Suite: values[0], Leg: values[1], Head: values[2], Run: run, Attempt: attempt}
	if err1 != nil || err2 != nil || m.String() != line {
		return Marker{}, false
	}
	return m, true
}

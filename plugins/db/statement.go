package db

import (
	"slices"
	"strconv"
	"strings"
)

// statement is one SQL command with named variables, written as pgbench writes
// them: "WHERE aid = :aid".
type statement struct {
	metric string // that gets its time
	rows   int64  // that it has to give or change

	sql    string   // for the extended protocol, with $1, $2, …
	vars   []int    // the variable of each of them, by its place in the script's list
	pieces []string // for the simple protocol: the text around the variables
}

// newStatement reads a command whose variables are among names. Each
// occurrence of a variable is a parameter of its own, as in pgbench.
func newStatement(metric string, rows int64, text string, names ...string) statement {
	s := statement{metric: metric, rows: rows}
	var sql, piece strings.Builder
	for text != "" {
		name, rest := cutVariable(text)
		i := slices.Index(names, name)
		if i < 0 {
			sql.WriteByte(text[0])
			piece.WriteByte(text[0])
			text = text[1:]
			continue
		}
		s.vars = append(s.vars, i)
		s.pieces = append(s.pieces, piece.String())
		piece.Reset()
		sql.WriteString("$" + strconv.Itoa(len(s.vars)))
		text = rest
	}
	s.sql, s.pieces = sql.String(), append(s.pieces, piece.String())
	return s
}

// cutVariable returns the variable at the beginning of text, or "".
func cutVariable(text string) (name, rest string) {
	if text[0] != ':' {
		return "", text
	}
	end := 1
	for end < len(text) && (text[end] == '_' || text[end] >= 'a' && text[end] <= 'z') {
		end++
	}
	return text[1:end], text[end:]
}

// appendText appends the command with the variables' values in their places.
func (s *statement) appendText(to []byte, values [][]byte) []byte {
	for i, v := range s.vars {
		to = append(to, s.pieces[i]...)
		to = append(to, values[v]...)
	}
	return append(to, s.pieces[len(s.pieces)-1]...)
}

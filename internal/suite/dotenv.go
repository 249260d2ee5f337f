package suite

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/joho/godotenv"
)

const (
	dotenvName     = ".env"
	maxDotenvBytes = 64 << 10
)

var dotenvVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// dotenvValue is a variable of .env and the line it begins at.
type dotenvValue struct {
	text string
	line int
}

// readDotenv reads .env in dir. A folder that lacks one has no variables, and
// so has one where .env is itself a folder: Python keeps its environments
// under that name.
func readDotenv(dir string) (map[string]dotenvValue, error) {
	f, err := os.Open(filepath.Join(dir, dotenvName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, &ConfigError{File: dotenvName, Problem: "cannot be read: " + reason(err)}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxDotenvBytes+1))
	if err != nil {
		return nil, &ConfigError{File: dotenvName, Problem: "cannot be read: " + reason(err)}
	}
	return parseDotenv(data)
}

// parseDotenv reads the text of .env. Its errors name a line and never quote
// it: the file is where secrets are kept.
func parseDotenv(data []byte) (map[string]dotenvValue, error) {
	if len(data) > maxDotenvBytes {
		return nil, &ConfigError{File: dotenvName, Problem: "is larger than 64 KiB"}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 || !utf8.Valid(data) {
		return nil, &ConfigError{File: dotenvName, Problem: "is not UTF-8 text"}
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	at, err := statementLines(string(data))
	if err != nil {
		return nil, err
	}
	values, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		return nil, &ConfigError{File: dotenvName, Problem: "is malformed; want lines of NAME=value"}
	}
	out := make(map[string]dotenvValue, len(values))
	for name, text := range values {
		out[name] = dotenvValue{text, at[name]}
	}
	return out, nil
}

// statementLines finds the line that each variable is set at, and the first
// malformed one. The library knows no lines, so it is given one statement at a
// time; a quoted value may span several lines.
func statementLines(data string) (map[string]int, error) {
	lines := strings.Split(data, "\n")
	at := map[string]int{}
	for i := 0; i < len(lines); i++ {
		first, chunk := i+1, lines[i]
		quote, rest := openQuote(chunk)
		open := quote != 0 && !closes(rest, quote)
		for open && i+1 < len(lines) {
			i++
			chunk += "\n" + lines[i]
			open = !closes(lines[i], quote)
		}
		values, err := godotenv.Unmarshal(chunk)
		nameless := false
		for name := range values {
			nameless = nameless || !dotenvVariable.MatchString(name)
		}
		switch {
		case err != nil && quote != 0:
			return nil, &ConfigError{File: dotenvName, Line: first, Problem: "a quote that opens here is never closed, or text follows the value"}
		case err != nil || nameless:
			return nil, &ConfigError{File: dotenvName, Line: first, Problem: "malformed line; want NAME=value"}
		}
		for name := range values {
			at[name] = first
		}
	}
	return at, nil
}

// openQuote returns the quote that a statement's value begins with, or 0, and
// what follows it.
func openQuote(line string) (quote byte, rest string) {
	i := strings.IndexAny(line, "=:")
	if i < 0 || strings.HasPrefix(strings.TrimSpace(line), "#") {
		return 0, ""
	}
	value := strings.TrimSpace(line[i+1:])
	if value == "" || (value[0] != '"' && value[0] != '\'') {
		return 0, ""
	}
	return value[0], value[1:]
}

// closes says whether a line holds the quote without a backslash before it.
func closes(line string, quote byte) bool {
	for i := range len(line) {
		if line[i] == quote && (i == 0 || line[i-1] != '\\') {
			return true
		}
	}
	return false
}

// reason is what went wrong with a file, without its path.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

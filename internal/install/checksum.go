package install

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// maxSums is the size in bytes of the largest list of digests that is read.
const maxSums = 1 << 20

// sumsNames are the usual names of a list of digests, in the order in which
// they are looked for.
var sumsNames = []string{"SHA256SUMS", "SHA256SUMS.txt", "sha256sums.txt", "checksums.txt"}

// isSums says whether a release's asset is a list of digests.
func isSums(name string) bool {
	for _, n := range sumsNames {
		if name == n || strings.HasSuffix(name, "_"+n) || strings.HasSuffix(name, "-"+n) {
			return true
		}
	}
	return false
}

var (
	gnuLine  = regexp.MustCompile(`^\\?([0-9a-fA-F]{64})(?: [ *](.+))?$`)
	bsdLine  = regexp.MustCompile(`^SHA256 \((.+)\) = ([0-9a-fA-F]{64})$`)
	hexDigit = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// sums are the digests of a list, by file name.
type sums map[string]string

// parseSums reads a list as sha256sum and shasum write it. A line with a digest
// alone is that of the file only.
func parseSums(r io.Reader, only string) (sums, error) {
	out := sums{}
	in := bufio.NewScanner(io.LimitReader(r, maxSums))
	for n := 1; in.Scan(); n++ {
		line := strings.TrimRight(in.Text(), "\r ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, digest := "", ""
		if m := gnuLine.FindStringSubmatch(line); m != nil {
			name, digest = m[2], m[1]
		} else if m := bsdLine.FindStringSubmatch(line); m != nil {
			name, digest = m[1], m[2]
		} else {
			return nil, fmt.Errorf("line %d is no sha256 with a file name", n)
		}
		if name == "" {
			name = only
		}
		name, digest = path.Base(name), strings.ToLower(digest)
		if before, twice := out[name]; twice && before != digest {
			return nil, fmt.Errorf("line %d gives %s a second digest", n, shown(name))
		}
		out[name] = digest
	}
	if err := in.Err(); err != nil {
		return nil, errors.New("it has a line that is too long")
	}
	return out, nil
}

// digestOf is the sha256 of a file in hexadecimal.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// checkDigest compares a file with what somebody says of it.
func checkDigest(file, name, want, who string) error {
	got, err := digestOf(file)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s has sha256 %s, and %s says %s: it was damaged on the way, or is not what was published", name, got, who, want)
	}
	return nil
}

// CheckSHA256 says whether a text is a digest as --sha256 takes it.
func CheckSHA256(text string) error {
	if !hexDigit.MatchString(text) {
		return fmt.Errorf("sha256 is %s, want 64 hexadecimal digits in lower case", shown(text))
	}
	return nil
}

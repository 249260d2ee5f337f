package hub

import (
	"fmt"
	"strings"
)

// Repo names a repository.
type Repo struct{ Owner, Name string }

// String is owner/name.
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// ParseRepo reads owner/name, as in GITHUB_REPOSITORY. Both consist of
// letters, digits, '-', '_' and '.'.
func ParseRepo(s string) (Repo, error) {
	owner, name, _ := strings.Cut(s, "/")
	r := Repo{owner, name}
	return r, r.check()
}

// check refuses what would not be one part of a path each.
func (r Repo) check() error {
	if validName(r.Owner) && validName(r.Name) {
		return nil
	}
	return fmt.Errorf("repository %q: want owner/name", line(r.String()))
}

func validName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 100 {
		return false
	}
	for _, c := range s {
		letter := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func sameName(a, b string) bool { return strings.EqualFold(a, b) }

// validSHA says whether s is a whole commit's name.
func validSHA(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

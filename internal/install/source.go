package install

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Source is where a plugin comes from: one of a path, an address and a
// repository on GitHub.
type Source struct {
	Path    string // of a program, a module, a folder or an archive
	URL     string // of a program, a module or an archive
	Repo    string // "owner/name" on GitHub
	Version string // tag of a release; "" is the newest
}

var repoExpr = regexp.MustCompile(`^(?:https://)?github\.com/([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?$`)

// versionExpr is what tags look like.
var versionExpr = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+/-]{0,99}$`)

// ParseSource reads SRC[@VERSION] as people write it. A version belongs to
// releases only.
func ParseSource(text string) (Source, error) {
	plain, version, versioned := strings.Cut(text, "@")
	if m := repoExpr.FindStringSubmatch(plain); m != nil {
		if versioned && (!versionExpr.MatchString(version) || strings.Contains(version, "..")) {
			return Source{}, fmt.Errorf("version %q of %s is no tag, want one such as v1.2.0", version, plain)
		}
		return Source{Repo: m[1], Version: version}, nil
	}
	scheme, _, isURL := strings.Cut(text, "://")
	switch {
	case text == "":
		return Source{}, fmt.Errorf("the source is empty, want a path, an https address or github.com/OWNER/REPO")
	case !isURL && strings.HasPrefix(text, "github.com/"):
		return Source{}, fmt.Errorf("source %q is no repository, want github.com/OWNER/REPO or github.com/OWNER/REPO@VERSION", text)
	case !isURL:
		return Source{Path: text}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return Source{}, fmt.Errorf("source is a malformed address, want https://host/path")
	}
	if u.User != nil {
		return Source{}, fmt.Errorf("source has a name or password in it, which would be written into receipts: leave it out")
	}
	if err := allowed(u); err != nil {
		return Source{}, err
	}
	if base := path.Base(u.Path); base == "/" || base == "." {
		return Source{}, fmt.Errorf("source %s://%s names no file", scheme, u.Host)
	}
	return Source{URL: text}, nil
}

// String is the source without what could be secret.
func (s Source) String() string {
	switch {
	case s.Repo != "" && s.Version != "":
		return "github.com/" + s.Repo + "@" + s.Version
	case s.Repo != "":
		return "github.com/" + s.Repo
	case s.URL != "":
		return shownURL(s.URL)
	}
	return s.Path
}

// shownURL is an address without its query, which may hold a key.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "a malformed address"
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u.String()
}

// allowed says whether an address may be fetched from: over https, or over
// plain http from this machine.
func allowed(u *url.URL) error {
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%s is not fetched over %s: want https", u.Host, u.Scheme)
	case !loopback(u.Hostname()):
		return fmt.Errorf("%s is not fetched over plain http, which anybody on the way could change: want https", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

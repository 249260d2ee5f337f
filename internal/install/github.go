package install

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/manifest"
)

// maxRelease is the size in bytes of the largest answer about a release.
const maxRelease = 4 << 20

// release is what GitHub says of a release.
type release struct {
	Tag    string  `json:"tag_name"`
	Assets []asset `json:"assets"`
}

type asset struct {
	Name   string `json:"name"`
	API    string `json:"url"`                  // for those who have a token
	URL    string `json:"browser_download_url"` // for everybody
	Digest string `json:"digest"`               // "sha256:…", or "" in releases of before 2025
}

// find returns the asset of a name.
func (r *release) find(name string) (asset, bool) {
	i := slices.IndexFunc(r.Assets, func(a asset) bool { return a.Name == name })
	if i < 0 {
		return asset{}, false
	}
	return r.Assets[i], true
}

// digests are those that GitHub made of the assets.
func (r *release) digests() sums {
	out := sums{}
	for _, a := range r.Assets {
		if digest, ok := strings.CutPrefix(a.Digest, "sha256:"); ok {
			out[a.Name] = digest
		}
	}
	return out
}

// release asks for the newest release, or for that of a version, with or
// without the v in front.
func (n Network) release(ctx context.Context, repo, version string) (*release, error) {
	base := n.api() + "/repos/" + repo + "/releases/"
	paths := []string{"latest"}
	if version != "" {
		paths = []string{"tags/" + version}
		if !strings.HasPrefix(version, "v") {
			paths = append(paths, "tags/v"+version)
		}
	}
	for _, p := range paths {
		text, err := n.text(ctx, base+p, n.header("application/vnd.github+json"), maxRelease)
		if missing := (*notFoundError)(nil); errors.As(err, &missing) {
			continue
		} else if err != nil {
			return nil, err
		}
		var r release
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.Tag == "" {
			return nil, fmt.Errorf("fetch %s: the answer is no release of GitHub's API", base+p)
		}
		if !versionExpr.MatchString(r.Tag) {
			return nil, fmt.Errorf("the release has the tag %s, which is not one that harness takes", shown(r.Tag))
		}
		return &r, nil
	}
	if version == "" {
		return nil, fmt.Errorf("github.com/%s has no release, or is private: check the name, or set GITHUB_TOKEN", repo)
	}
	return nil, fmt.Errorf("github.com/%s has no release %s, or is private: check both names, or set GITHUB_TOKEN", repo, version)
}

// Newest is the newest release of a repository, "owner/name", on GitHub.
func (n Network) Newest(ctx context.Context, repo string) (Source, error) {
	r, err := n.release(ctx, repo, "")
	if err != nil {
		return Source{}, err
	}
	return Source{Repo: repo, Version: r.Tag}, nil
}

func (n Network) header(accept string) http.Header {
	h := http.Header{"Accept": {accept}, "X-Github-Api-Version": {"2022-11-28"}}
	if n.Token != "" {
		h.Set("Authorization", "Bearer "+n.Token)
	}
	return h
}

// api is the address of GitHub's API.
func (n Network) api() string { return strings.TrimSuffix(cmp.Or(n.API, defaultAPI), "/") }

// asset fetches an asset of a release.
func (n Network) asset(ctx context.Context, a asset, to string) error {
	// The other address knows no token. What is not the API's does not get it.
	if n.Token != "" && strings.HasPrefix(a.API, n.api()+"/") {
		return n.download(ctx, a.API, n.header("application/octet-stream"), to)
	}
	return n.download(ctx, a.URL, nil, to)
}

// besides are endings of assets that go with another one.
var besides = []string{".sha256", ".sha256sum", ".sig", ".asc", ".pem", ".crt", ".json", ".sigstore", ".sbom", ".txt", ".md", ".deb", ".rpm", ".apk", ".intoto.jsonl"}

// Words that name a system or a processor in file names.
var (
	wordExpr = regexp.MustCompile(`[a-z0-9]+`)
	systems  = map[string]string{"linux": "linux", "darwin": "darwin", "macos": "darwin", "osx": "darwin", "windows": "windows", "freebsd": "freebsd"}
	archs    = map[string]string{"amd64": "amd64", "x64": "amd64", "arm64": "arm64", "aarch64": "arm64", "386": "386", "i386": "386", "armv7": "arm", "armv6": "arm", "riscv64": "riscv64"}
)

// platformIn is the platform that a file name names, as far as it does.
func platformIn(name string) (system, arch string) {
	// The underscore of x86_64 is no end of a word.
	for _, w := range wordExpr.FindAllString(strings.ReplaceAll(strings.ToLower(name), "x86_64", "amd64"), -1) {
		if s := systems[w]; s != "" {
			system = s
		}
		if a := archs[w]; a != "" {
			arch = a
		}
	}
	return system, arch
}

// choose picks the asset for a platform: the one that names it, or else one
// for all, such as a WASM module. Of several in the same rank an archive that
// is read first wins, and anything else is a question.
func (r *release) choose(platform string) (asset, error) {
	system, arch, _ := strings.Cut(platform, "/")
	var best []asset
	rank := 0
	for _, a := range r.Assets {
		got := rankOf(a.Name, system, arch)
		switch {
		case got == 0 || got < rank:
			continue
		case got > rank:
			rank, best = got, nil
		}
		best = append(best, a)
	}
	for _, suffix := range archiveSuffixes {
		if i := slices.IndexFunc(best, func(a asset) bool { return strings.HasSuffix(strings.ToLower(a.Name), suffix) }); len(best) > 1 && i >= 0 && sameStem(best) {
			return best[i], nil
		}
	}
	switch len(best) {
	case 0:
		return asset{}, fmt.Errorf("release %s has nothing for %s; it has: %s", r.Tag, platform, r.names())
	case 1:
		return best[0], nil
	}
	return asset{}, fmt.Errorf("release %s has several files for %s (%s): give the https address of one of them", r.Tag, platform, joined(best))
}

// rankOf says how well a file name fits a platform: 0 not at all, 1 for it may
// be for all, 2 for it names this one.
func rankOf(name, system, arch string) int {
	lower := strings.ToLower(name)
	if isSums(name) || slices.ContainsFunc(besides, func(s string) bool { return strings.HasSuffix(lower, s) }) {
		return 0
	}
	s, a := platformIn(name)
	switch {
	case s == system && a == arch:
		return 2
	case s == "" && a == "" && (strings.HasSuffix(lower, moduleSuffix) || strings.HasPrefix(lower, prefix)):
		return 1
	}
	return 0
}

// sameStem says whether assets are the same thing packed in several ways.
func sameStem(list []asset) bool {
	stem := func(a asset) string {
		name := strings.ToLower(a.Name)
		for _, s := range archiveSuffixes {
			name = strings.TrimSuffix(name, s)
		}
		return name
	}
	return !slices.ContainsFunc(list, func(a asset) bool { return stem(a) != stem(list[0]) })
}

func (r *release) names() string {
	if len(r.Assets) == 0 {
		return "no file at all"
	}
	return joined(r.Assets)
}

func joined(list []asset) string {
	const few = 12
	var names []string
	for i, a := range list {
		if i == few {
			names = append(names, "…")
			break
		}
		names = append(names, strings.Trim(shown(path.Base(a.Name)), `"`))
	}
	return strings.Join(names, ", ")
}

// platform is this machine's.
func platform() string { return manifest.Platform() }

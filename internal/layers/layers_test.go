// Package layers tests who imports whom. It has no code of its own.
package layers

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/benchharness/harness/"

type pkg struct {
	ImportPath string
	Imports    []string
}

// list returns the module's packages with their direct imports, tests left
// out.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 20 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	return pkgs
}

// under says whether path is one of the folders or inside one.
func under(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return path == f || strings.HasPrefix(path, f+"/")
	})
}

// allowed says whether a package of ours may import another of ours.
func allowed(from, to string) bool {
	plugin, _, _ := strings.Cut(strings.TrimPrefix(from, "plugins/"), "/")
	switch {
	case under(to, "cmd", "ci/hubtest"): // the latter is for tests alone
		return false
	case under(from, "cmd"):
		return true
	case under(from, "sdk"):
		return under(to, "sdk")
	case under(from, "plugins/internal"):
		return under(to, "sdk", "plugins/internal")
	case under(from, "plugins"):
		return under(to, "sdk", "plugins/internal", "plugins/"+plugin)
	case under(from, "examples"):
		return under(to, "sdk")
	case under(from, "ci"):
		return under(to, "ci", "internal/result", "internal/verdict", "internal/report")
	case under(from, "internal/stats"):
		return under(to, "internal/result")
	case under(from, "internal/capacity"): // a machine that knows nothing
		return false
	case under(from, "internal/verdict"):
		return under(to, "internal/result", "internal/stats", "internal/verdict")
	case under(from, "internal/result"):
		return under(to, "sdk")
	case under(from, "internal/manifest"):
		return under(to, "sdk")
	case under(from, "internal/lockfile"):
		return under(to, "internal/manifest", "internal/store")
	case under(from, "internal/install"): // which starts nothing that it installs
		return under(to, "internal/manifest", "internal/lockfile", "internal/store")
	case under(from, "internal/history"):
		return under(to, "internal/result", "internal/stats", "internal/store")
	case under(from, "internal/runner"):
		return under(to, "sdk", "internal/result", "internal/stats", "internal/suite", "internal/capacity")
	case under(from, "internal"):
		return under(to, "sdk", "internal")
	}
	return false
}

// owners are the folders that alone may import a heavy dependency.
var owners = map[string][]string{
	"github.com/hashicorp/go-plugin":  {"internal/plughost", "sdk/serve"},
	"github.com/shirou/gopsutil/v3":   {"sdk/probe"},
	"github.com/NVIDIA/go-nvml":       {"sdk/probe"},
	"github.com/tetratelabs/wazero":   {"internal/wasmhost"},
	"github.com/google/go-github/v60": {"ci"},
	"github.com/getkin/kin-openapi":   {"ci/hubtest"},
	"github.com/jackc/pgx/v5":         {"plugins/db", "plugins/internal/postgres", "internal/wasmhost"},
	"github.com/qdrant/go-client":     {"plugins/vector", "plugins/internal/qdrantserver"},
	"modernc.org/sqlite":              {"internal/history"},
	"github.com/quic-go/quic-go":      {"plugins/api"},
}

func TestEveryImportIsAllowed(t *testing.T) {
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			if to, ours := strings.CutPrefix(imp, module); ours {
				if !allowed(p.ImportPath, to) {
					t.Errorf("%s imports %s: the layers forbid it", p.ImportPath, to)
				}
				continue
			}
			for dep, folders := range owners {
				if under(imp, dep) && !under(p.ImportPath, folders...) {
					t.Errorf("%s imports %s, whose owners are %v", p.ImportPath, imp, folders)
				}
			}
			if (p.ImportPath == "sdk" || p.ImportPath == "sdk/loop") && strings.HasPrefix(imp, "google.golang.org/") {
				t.Errorf("%s imports %s: it must build for a sandbox without gRPC", p.ImportPath, imp)
			}
		}
	}
}

func TestTheRulesForbidWhatTheyShould(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"plugins/vector", "sdk/loop", true},
		{"plugins/vector", "plugins/internal/hnsw", true},
		{"plugins/vector", "plugins/db", false},
		{"plugins/vector", "internal/result", false},
		{"sdk/probe", "internal/proc", false},
		{"internal/runner", "internal/report", false},
		{"internal/stats", "internal/verdict", false},
		{"internal/result", "internal/store", false},
		{"internal/history", "internal/stats", true},
		{"internal/install", "internal/plughost", false},
		{"internal/install", "internal/lockfile", true},
		{"internal/manifest", "internal/result", false},
		{"internal/history", "internal/verdict", false},
		{"internal/history", "internal/report", false},
		{"internal/report", "cmd/harness", false},
		{"ci/body", "internal/verdict", true},
		{"ci/hub", "internal/suite", false},
		{"internal/report", "ci", false},
		{"cmd/harness", "plugins/db", true},
		{"cmd/harness", "ci/hubtest", false},
	} {
		if got := allowed(tt.from, tt.to); got != tt.want {
			t.Errorf("%s importing %s: allowed is %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

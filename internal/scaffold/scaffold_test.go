package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFolderThatHoldsSomethingIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "Makefile")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Write(dir, Project{Name: "demo", Kind: Go, Version: "1.0.0"})
	if err == nil || !strings.Contains(err.Error(), "not empty (Makefile)") {
		t.Errorf("the error is %v", err)
	}
	entries, _ := os.ReadDir(dir)
	if text, _ := os.ReadFile(mine); string(text) != "mine" || len(entries) != 1 {
		t.Errorf("the folder has %d entries, the file holds %q", len(entries), text)
	}
}

func TestNothingOfATemplateIsLeft(t *testing.T) {
	for _, kind := range Kinds() {
		for _, sdk := range []string{"", "/src/harness"} {
			dir := filepath.Join(t.TempDir(), "new", kind)
			names, err := Write(dir, Project{Name: "demo", Kind: kind, Version: "1.2.3", SDK: sdk})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), "@{") || strings.Contains(string(text), "}@") || strings.HasSuffix(name, ".tmpl") {
					t.Errorf("%s of kind %s is not filled in:\n%s", name, kind, text)
				}
				if name == "go.mod" && strings.Contains(string(text), "replace") != (sdk != "") {
					t.Errorf("with the sdk in %q, go.mod is\n%s", sdk, text)
				}
			}
		}
	}
}

func TestTheVersionOfGoIsHarnesssOwn(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\ngo "+GoVersion+"\n") || !strings.HasPrefix(string(text), "module "+Module+"\n") {
		t.Errorf("go.mod has neither module %s nor go %s", Module, GoVersion)
	}
}

func TestTheWorkflowsAreOnesThatGitHubTakes(t *testing.T) {
	for _, kind := range Kinds() {
		dir := filepath.Join(t.TempDir(), kind)
		if _, err := Write(dir, Project{Name: "demo", Kind: kind, Version: "1.2.3"}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, ".github", "workflows", "plugin.yml")
		out, err := exec.Command("go", "tool", "-modfile=../../tools/actionlint/go.mod", "actionlint", "-shellcheck=", "-pyflakes=", file).CombinedOutput()
		if err != nil {
			t.Errorf("actionlint: %v\n%s", err, out)
		}
	}
}

func TestAPathThatIsNoModulesIsRefused(t *testing.T) {
	for _, bad := range []string{"a b", `x"y`, "example.com//x", "example.com/../x", "/x", "x/", "x\nrequire y v1", "-x"} {
		dir := filepath.Join(t.TempDir(), "new")
		_, err := Write(dir, Project{Name: "demo", Kind: Go, GoPath: bad, Version: "1.2.3"})
		if err == nil || !strings.Contains(err.Error(), "is no path of a Go module") {
			t.Errorf("for %q the error is %v", bad, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("for %q something was written", bad)
		}
	}
}

// A checkout may be in a folder with a space in its name.
func TestGoTakesTheModuleFile(t *testing.T) {
	for _, kind := range []string{Go, WASM} {
		dir := filepath.Join(t.TempDir(), kind)
		if _, err := Write(dir, Project{Name: "demo", Kind: kind, Version: "1.2.3", SDK: "/my src/harness"}); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "mod", "edit", "-json")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), `"/my src/harness"`) {
			t.Errorf("go mod edit: %v\n%s", err, out)
		}
	}
}

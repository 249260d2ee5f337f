package qdrantserver

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestQdrantsJavaScriptClientFindsWhatItExpects is the proof by a client that
// nobody here wrote.
func TestQdrantsJavaScriptClientFindsWhatItExpects(t *testing.T) {
	node, folder := needJavaScript(t)
	listener := listen(t)
	serve(t, Options{Listener: listener, APIKey: "secret"})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	script, err := filepath.Abs(filepath.Join("testdata", "drive.cjs"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, node, script, folder, port, "secret").CombinedOutput()
	if err != nil {
		t.Fatalf("drive.cjs: %v\n%s", err, out)
	}
	if n := strings.Count(string(out), "ok "); n != 15 {
		t.Errorf("%d checks passed, want 15:\n%s", n, out)
	}
}

// needJavaScript gives node and the folder that `make test-tools` installs the
// client into, or skips the test; with HARNESS_REQUIRE_PEERS=1 it fails it.
func needJavaScript(t *testing.T) (node, folder string) {
	t.Helper()
	lack := t.Skipf
	if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
		lack = t.Fatalf
	}
	node, err := exec.LookPath("node")
	if err != nil {
		lack("needs node in PATH: %v", err)
	}
	folder = filepath.Join(moduleRoot(t), ".build", "js-qdrant")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "@qdrant", "js-client-grpc")); err != nil {
		lack("needs Qdrant's JavaScript client: run `make test-tools` (%v)", err)
	}
	return node, folder
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheLoopOfThePythonSDK runs its own tests with the interpreter that `make
// test-tools` sets up. Without it the test is skipped, or fails where
// HARNESS_REQUIRE_PEERS=1 says that every peer must be there.
func TestTheLoopOfThePythonSDK(t *testing.T) {
	python, err := filepath.Abs("../../.build/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python, "-c", "import grpc_tools, hdrh").CombinedOutput(); err != nil {
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatalf("needs Python with grpcio-tools and hdrhistogram (run make test-tools): %v\n%s", err, out)
		}
		t.Skipf("needs Python with grpcio-tools and hdrhistogram (run make test-tools): %v\n%s", err, out)
	}
	gen := t.TempDir()
	for _, args := range [][]string{
		{"-m", "grpc_tools.protoc", "-I", "../proto", "--python_out=" + gen, "--grpc_python_out=" + gen, "harness/plugin/v1/plugin.proto"},
		{"-m", "unittest", "test_loop", "test_validity"},
	} {
		cmd := exec.CommandContext(t.Context(), python, args...)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+gen, "PYTHONDONTWRITEBYTECODE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("python %v: %v\n%s", args, err, out)
		}
	}
}

package encoder_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
	"github.com/viterin/vek/vek32"
)

// pythonWithONNX finds the interpreter that `make test-tools` sets up at the module's root. Without it the test is skipped,
// or fails where HARNESS_REQUIRE_PEERS=1 says that every peer must be there.
func pythonWithONNX(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
	python := filepath.Join(dir, ".build", "venv", "bin", "python")
	reason := ""
	if _, err := os.Stat(python); err != nil {
		reason = err.Error()
	} else if out, err := exec.Command(python, "-c", "import numpy, onnx, onnxruntime").CombinedOutput(); err != nil {
		reason = string(out)
	}
	if reason == "" {
		return python
	}
	if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
		t.Fatalf("needs Python with onnx and onnxruntime (run make test-tools): %s", reason)
	}
	t.Skipf("needs Python with onnx and onnxruntime (run make test-tools): %s", reason)
	return ""
}

// onnxVectors runs the reference on token ids.
func onnxVectors(t *testing.T, python, dir string, ids [][]int32) map[string][][]float64 {
	t.Helper()
	request, err := json.Marshal(map[string]any{"ids": ids})
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "onnx_reference.py"), dir)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ONNX reference: %v\n%s", err, &stderr)
	}
	var vectors map[string][][]float64
	if err := json.Unmarshal(out, &vectors); err != nil {
		t.Fatalf("ONNX reference printed no JSON: %v\n%s", err, out)
	}
	return vectors
}

// farthest is the largest difference of any element; NaN anywhere is infinitely far.
func farthest(t *testing.T, got [][]float32, want [][]float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d vectors, want %d", len(got), len(want))
	}
	far := 0.0
	for i := range got {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("vector %d has %d dimensions, want %d", i, len(got[i]), len(want[i]))
		}
		for j := range got[i] {
			d := math.Abs(float64(got[i][j]) - want[i][j])
			if math.IsNaN(d) {
				return math.Inf(1)
			}
			far = max(far, d)
		}
	}
	return far
}

// agreementTexts go from no word to more than the small model's positions, over the rows of one attention block.
var agreementTexts = []string{"", "a", "zoo", "hello, big world!", strings.Repeat("one vector, ", 7), strings.Repeat("vector ", 40)}

func TestTheEncoderAgreesWithONNXRuntimeInEveryPoolingMode(t *testing.T) {
	python := pythonWithONNX(t)
	dir := writeModel(t, smallTensors(7), nil)
	tokens, err := wordpiece.Builtin(small.vocab)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([][]int32, len(agreementTexts))
	for i, text := range agreementTexts {
		ids[i] = tokens.Encode(text, small.positions)
	}
	want := onnxVectors(t, python, dir, ids)
	accelerated := vek32.Info().Acceleration
	for _, kernels := range []string{"AVX2", "portable"} {
		t.Run(kernels, func(t *testing.T) {
			if kernels == "AVX2" && !accelerated {
				t.Skip("needs a processor with AVX2 and FMA, on an operating system other than darwin")
			}
			vek32.SetAcceleration(kernels == "AVX2")
			t.Cleanup(func() { vek32.SetAcceleration(accelerated) })
			e := open(t, encoder.Options{ModelDir: dir})
			if got := e.Info().Kernels; !strings.Contains(got, kernels) {
				t.Fatalf("kernels are %q", got)
			}
			compareModes(t, e.NewSession(1), want)
			compareModes(t, e.NewSession(3), want)
		})
	}
}

// compareModes encodes the texts in every pooling mode, with and without normalisation.
func compareModes(t *testing.T, session *encoder.Session, want map[string][][]float64) {
	t.Helper()
	modes := []struct {
		name    string
		pooling encoder.Pooling
		norm    encoder.Norm
	}{
		{"mean", encoder.PoolMean, encoder.NormOff}, {"mean_unit", encoder.PoolMean, encoder.NormOn},
		{"cls", encoder.PoolCLS, encoder.NormOff}, {"cls_unit", encoder.PoolCLS, encoder.NormOn},
		{"max", encoder.PoolMax, encoder.NormOff}, {"max_unit", encoder.PoolMax, encoder.NormOn},
	}
	for _, mode := range modes {
		got, _, err := session.Encode(t.Context(), agreementTexts, encoder.EncodeOptions{Pooling: mode.pooling, Norm: mode.norm})
		if err != nil {
			t.Fatal(err)
		}
		far := farthest(t, got, want[mode.name])
		if far > 1e-4 {
			t.Errorf("%s: the farthest element is %.3g off, more than 1e-4", mode.name, far)
		}
		t.Logf("%s: the farthest element is %.2g off", mode.name, far)
		// The comparison means something only if the modes are far apart.
		for _, other := range modes {
			if other != mode && farthest(t, got, want[other.name]) < 1e-2 {
				t.Errorf("%s cannot be told from %s", mode.name, other.name)
			}
		}
	}
}

package encoder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/benchharness/harness/plugins/internal/encoder/safetensors"
)

// loadWeights reads every parameter of a shape from a safetensors file and the SHA-256 of the whole file.
func loadWeights(path string, s Shape) (w *weights, digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("no weights: it needs model.safetensors (convert PyTorch's or ONNX files first): %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	file, err := safetensors.Open(f, stat.Size())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	// Two bytes is the least a parameter takes, so a config.json that claims a giant costs no more memory than its file.
	if stat.Size()/2 < s.Parameters() {
		return nil, "", fmt.Errorf("%s: %d bytes cannot hold the %d parameters that config.json describes; are they of one model?", path, stat.Size(), s.Parameters())
	}
	w, list := newWeights(s)
	for _, p := range list {
		if err := readParameter(file, p, s); err != nil {
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
	}
	if digest, err = fileDigest(f, stat.Size()); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return w, digest, nil
}

// readParameter finds one parameter in the file and decodes it.
func readParameter(file *safetensors.File, p parameter, s Shape) error {
	name, ok := findTensor(file, p.name)
	if !ok {
		return fmt.Errorf("it lacks the tensor %q, with or without the prefix \"bert.\"; is it a BERT encoder of %d layers?", p.name, s.Layers)
	}
	if t, _ := file.Tensor(name); !slices.Equal(t.Shape, p.shape) {
		return fmt.Errorf("tensor %q is %v; config.json wants %v", name, t.Shape, p.shape)
	}
	return file.Float32(name, p.data)
}

// findTensor looks for a name as published by different tools: under "bert.", or with TensorFlow's names for the two
// parts of a layer normalisation.
func findTensor(file *safetensors.File, name string) (string, bool) {
	older := name
	if strings.Contains(name, "LayerNorm.") {
		older = strings.NewReplacer(".weight", ".gamma", ".bias", ".beta").Replace(name)
	}
	for _, candidate := range []string{name, "bert." + name, older, "bert." + older} {
		if _, ok := file.Tensor(candidate); ok {
			return candidate, true
		}
	}
	return "", false
}

func fileDigest(r io.ReaderAt, size int64) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size)); err != nil {
		return "", fmt.Errorf("digest: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

package hubtest

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// needContract gives GitHub's description, or skips the test where it is not
// installed; with HARNESS_REQUIRE_PEERS=1 it fails it.
func needContract(t testing.TB) *Contract {
	t.Helper()
	c, err := LoadContract()
	if errors.Is(err, ErrNoContract) {
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheDescriptionIsThere(t *testing.T) {
	c := needContract(t)
	if c.Version == "" || c.doc.Paths.Len() == 0 {
		t.Errorf("version %q, %d paths", c.Version, c.doc.Paths.Len())
	}
	if strings.HasPrefix(c.doc.OpenAPI, "3.1") {
		t.Error("the description is OpenAPI 3.1 now: see what nullable has become")
	}
}

func BenchmarkLoadContract(b *testing.B) {
	needContract(b)
	root, _ := moduleRoot()
	raw, err := os.ReadFile(root + "/" + ContractFile)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := newContract(raw, templates()); err != nil {
			b.Fatal(err)
		}
	}
}

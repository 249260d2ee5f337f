// Command harness-plugin-hash is a benchmark plugin of harness in twenty lines.
package main

import (
	"context"
	"crypto/sha256"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/serve"
)

func init() {
	block := make([]byte, 64<<10)
	sdk.Register(sdk.Plugin{Name: "hash", Version: "0.1.0", Doc: "Digests.", Benchmarks: []sdk.Benchmark{{
		Name: "sha256", Doc: "SHA-256 of 64 KiB.", Setup: sdk.Func(func(context.Context, *sdk.Op) error {
			sha256.Sum256(block)
			return nil
		})}}})
}

func main() { serve.Main() }

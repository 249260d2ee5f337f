package sdktest

import (
	"encoding/json"
	"testing"

	"github.com/benchharness/harness/sdk"
)

// Params are the parameters of a benchmark as a config gives them under
// `with`: checked, and with the defaults of what it leaves out. It is for a
// plugin's own tests, which call Setup themselves. The error is that of
// [sdk.CheckParams].
func Params(t testing.TB, b sdk.Benchmark, with map[string]any) (sdk.Params, error) {
	t.Helper()
	raw := map[string]json.RawMessage{}
	for name, value := range with {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("parameter %s: %v", name, err)
		}
		raw[name] = text
	}
	return sdk.CheckParams(b.Params, raw)
}

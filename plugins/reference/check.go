package reference

import (
	"fmt"
	"os"
	"slices"

	"github.com/benchharness/harness/plugins/internal/service"
	"github.com/benchharness/harness/sdk"
)

// kinds are the components there are.
var kinds = []string{sdk.TargetVector, sdk.TargetService, sdk.TargetPostgres}

// Check finds mistakes in options before anything is started. Its errors name
// the flags that `harness reference up` and `harness run` have for them.
func Check(o Options) error {
	for _, kind := range o.Components {
		if !slices.Contains(kinds, kind) {
			return fmt.Errorf("flag --components names %q, want %s, %s or %s", kind, kinds[0], kinds[1], kinds[2])
		}
	}
	for _, p := range []struct {
		flag string
		port int
	}{
		{"http-port", o.HTTPPort}, {"grpc-port", o.GRPCPort}, {"vector-port", o.VectorPort}, {"postgres-port", o.PostgresPort},
	} {
		if p.port < 0 || p.port > 65535 {
			return fmt.Errorf("flag --%s is %d, want a port from 1 to 65535, or 0 for a free one", p.flag, p.port)
		}
	}
	if _, err := service.ParseFaults(o.Faults); err != nil {
		return fmt.Errorf("flag --faults: %w", err)
	}
	if o.ModelDir != "" {
		if info, err := os.Stat(o.ModelDir); err != nil || !info.IsDir() {
			return fmt.Errorf("flag --model-dir is %q, which is not a folder; name the one that holds config.json and model.safetensors", o.ModelDir)
		}
	}
	return nil
}

// Command gen writes the JSON Schema of the config file. It is run by
// `go generate` in the folder of package suite, and by nobody else.
package main

import (
	"fmt"
	"os"

	"github.com/benchharness/harness/internal/suite"
)

func main() {
	schema, err := suite.Schema()
	if err == nil {
		err = os.WriteFile(suite.SchemaFile, schema, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

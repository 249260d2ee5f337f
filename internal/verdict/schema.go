package verdict

import _ "embed"

//go:generate go test -count=1 -run TestTheCommittedSchemaIsTheTypes . -update

// JSONSchema is the JSON Schema (draft 2020-12) of the comparison, generated
// from the types of this package.
//
//go:embed comparison.schema.json
var JSONSchema []byte

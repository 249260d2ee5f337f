package result

import _ "embed"

//go:generate go test -count=1 -run TestTheCommittedSchemaIsTheTypes . -update

// JSONSchema is the JSON Schema (draft 2020-12) of the document, generated
// from the types of this package.
//
//go:embed run.schema.json
var JSONSchema []byte

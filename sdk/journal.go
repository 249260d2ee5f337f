package sdk

// Object is something that a plugin created outside its scratch folder and
// that has to be removed again: a table, a collection, a folder, a process.
type Object struct {
	Kind  string            `json:"kind"` // "table", "schema", "collection", "folder", "process"
	Name  string            `json:"name"` // what removes it: qualified table name, collection name, absolute path, pid
	Attrs map[string]string `json:"attrs,omitempty"`
}

// Journal remembers objects across a crash. Record is called before the
// object is created and returns once the entry is on disk; if it fails, the
// object must not be created. Forget is called after the object is gone.
type Journal interface {
	Record(Object) error
	Forget(Object) error
}

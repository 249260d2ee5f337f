package known

import (
	"encoding/gob"
	"fmt"
	"os"
)

// Write writes the log to a file.
func (l *Log) Write(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the server's log: %w", err)
	}
	if err := gob.NewEncoder(f).Encode(l); err != nil {
		f.Close()
		return fmt.Errorf("write the server's log: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the server's log: %w", err)
	}
	return nil
}

// Read reads what Write wrote.
func Read(name string) (*Log, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	defer f.Close()
	l := &Log{}
	if err := gob.NewDecoder(f).Decode(l); err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	return l, nil
}

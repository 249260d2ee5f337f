//go:build !linux || !cgo

package probe

import "errors"

func newNVML() nvmlAPI { return noNVML{} }

// noNVML stands in where the binary was built without cgo, or for a system
// that NVML does not exist on.
type noNVML struct{}

var errNoNVML = errors.New("built without NVML")

func (noNVML) open() error                   { return errNoNVML }
func (noNVML) driver() (string, error)       { return "", errNoNVML }
func (noNVML) count() (int, error)           { return 0, errNoNVML }
func (noNVML) device(int) (gpuDevice, error) { return nil, errNoNVML }

//go:build !linux && !darwin

package system

import (
	"errors"
	"os"
)

func openDirect(string, int) (*os.File, error) { return nil, errors.ErrUnsupported }

package install

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders. On a file system that cannot do it in one step
// there is, for the moment between two, no folder at b.
func exchange(a, b string) error {
	err := swap(a, b)
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return exchangeInSteps(a, b)
}

func exchangeInSteps(a, b string) error {
	aside := a + ".old"
	if err := os.Rename(b, aside); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		if back := os.Rename(aside, b); back != nil {
			return fmt.Errorf("%w; and the old one could not be put back and is in %s: %w", err, aside, back)
		}
		return err
	}
	return os.Rename(aside, a)
}

package wasmhost

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxTable is the largest number of elements that a guest's tables may begin
// with: far above that of any compiler.
const maxTable = 1 << 20

const sectionTable = 4

var errTruncated = errors.New("the module is cut off")

// checkTables walks the sections of a module and looks at the one that
// declares tables. Whatever else may be wrong is found when it is compiled.
func checkTables(b []byte) error {
	for len(b) > 0 {
		id := b[0]
		size, n := binary.Uvarint(b[1:])
		if n <= 0 || size > uint64(len(b)-1-n) {
			return errTruncated
		}
		section := b[1+n : 1+n+int(size)]
		b = b[1+n+int(size):]
		if id == sectionTable {
			if err := checkTableSection(section); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkTableSection(b []byte) error {
	count, b, err := uvarint(b)
	if err != nil {
		return err
	}
	if count > 1 {
		return fmt.Errorf("the module has %d tables: one is the most without reference types", count)
	}
	for range count {
		if len(b) < 2 {
			return errTruncated
		}
		hasMax := b[1]&1 != 0
		var size uint64
		if size, b, err = uvarint(b[2:]); err != nil {
			return err
		}
		if size > maxTable {
			return fmt.Errorf("the module begins with a table of %d elements, %d are the most", size, maxTable)
		}
		if hasMax {
			if _, b, err = uvarint(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func uvarint(b []byte) (uint64, []byte, error) {
	x, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errTruncated
	}
	return x, b[n:], nil
}

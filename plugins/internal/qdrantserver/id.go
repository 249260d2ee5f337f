package qdrantserver

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pointID is a point's id in a form that can be compared: a number in low, or a
// UUID in both halves.
type pointID struct {
	uuid      bool
	high, low uint64
}

// compare orders numbers before UUIDs, and each by value; scrolling follows it.
func (a pointID) compare(b pointID) int {
	if a.uuid != b.uuid {
		if a.uuid {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
}

func (a pointID) String() string {
	if !a.uuid {
		return fmt.Sprint(a.low)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.high)
	binary.BigEndian.PutUint64(b[8:], a.low)
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (a pointID) proto() *qdrant.PointId {
	if a.uuid {
		return &qdrant.PointId{PointIdOptions: &qdrant.PointId_Uuid{Uuid: a.String()}}
	}
	return &qdrant.PointId{PointIdOptions: &qdrant.PointId_Num{Num: a.low}}
}

// parseID reads an id, or says with codes.InvalidArgument what is wrong with it.
func parseID(id *qdrant.PointId) (pointID, error) {
	switch o := id.GetPointIdOptions().(type) {
	case *qdrant.PointId_Num:
		return pointID{low: o.Num}, nil
	case *qdrant.PointId_Uuid:
		return parseUUID(o.Uuid)
	}
	return pointID{}, status.Error(codes.InvalidArgument, "No ID options provided")
}

func parseIDs(ids []*qdrant.PointId) ([]pointID, error) {
	out := make([]pointID, len(ids))
	for i, id := range ids {
		var err error
		if out[i], err = parseID(id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parseUUID takes the forms that Qdrant takes: with hyphens in their places,
// without any, in braces, or as a URN.
func parseUUID(s string) (pointID, error) {
	digits := strings.TrimPrefix(s, "urn:uuid:")
	if len(digits) == 38 && digits[0] == '{' && digits[37] == '}' {
		digits = digits[1:37]
	}
	if len(digits) == 36 && digits[8] == '-' && digits[13] == '-' && digits[18] == '-' && digits[23] == '-' {
		digits = digits[:8] + digits[9:13] + digits[14:18] + digits[19:23] + digits[24:]
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 16 {
		return pointID{}, status.Errorf(codes.InvalidArgument, "Unable to parse UUID: %s", s)
	}
	return pointID{uuid: true, high: binary.BigEndian.Uint64(b), low: binary.BigEndian.Uint64(b[8:])}, nil
}

package loop

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxEncoded bounds what DecodeV2 looks at, in bytes of base64. The largest
// histogram of the loop's range has 28,672 counts of at most 9 bytes.
const maxEncoded = 512 << 10

// EncodeV2 encodes a histogram in HdrHistogram's V2 compressed format, in
// base64. It fails on nil only.
func EncodeV2(h *hdrhistogram.Histogram) (string, error) {
	if h == nil {
		return "", errors.New("encode histogram: there is none")
	}
	b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "", fmt.Errorf("encode histogram: %w", err)
	}
	return string(b), nil
}

// DecodeV2 decodes what EncodeV2 made. The text may come from anywhere: its
// size and its inflated size are bounded, and a histogram that is not of the
// range and precision of [NewHistogram] is refused before memory is spent on
// it.
func DecodeV2(s string) (h *hdrhistogram.Histogram, err error) {
	defer func() {
		if p := recover(); p != nil {
			h, err = nil, fmt.Errorf("decode histogram: malformed: %v", p)
		}
	}()
	if len(s) > maxEncoded {
		return nil, fmt.Errorf("decode histogram: %d bytes, want at most %d", len(s), maxEncoded)
	}
	if err := checkHeader(s); err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	h, err = hdrhistogram.Decode([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	return h, nil
}

// checkHeader reads just the 40-byte header inside the compressed stream:
// cookie, payload length, offset, digits, lowest, highest, ratio.
func checkHeader(s string) error {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return err
	}
	if len(raw) < 8 {
		return fmt.Errorf("%d bytes are too short", len(raw))
	}
	z, err := zlib.NewReader(bytes.NewReader(raw[8:]))
	if err != nil {
		return err
	}
	defer z.Close() // reads nothing more; the checksum is verified by the decoder
	var header struct {
		Cookie, Length, Offset, Digits int32
		Low, High                      int64
		Ratio                          float64
	}
	if err := binary.Read(z, binary.BigEndian, &header); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read header: %w", err)
	}
	if header.Ratio != 1 {
		return fmt.Errorf("the conversion ratio is %v, want 1", header.Ratio)
	}
	return checkConfig(header.Low, header.High, int64(header.Digits))
}

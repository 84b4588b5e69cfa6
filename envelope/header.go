package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"

	"github.com/parley-e2ee/parley/internal/strictio"
)

const flagSigned = 1

// A header is a parsed one: well-formed, and not yet authenticated.
type header struct {
	start    []byte // magic and preamble
	flags    byte
	id       ID
	metadata []byte
	block    []byte // vec24(stanzas)
	stanzas  []stanza
	mac      []byte
	size     int
}

func (h *header) signed() bool { return h.flags&flagSigned != 0 }

// digest returns S.
func (h *header) digest() digest { return sha256.Sum256(h.block) }

// appendStart encodes magic and preamble.
func appendStart(dst []byte, flags byte, id *ID, metadata []byte) []byte {
	dst = append(dst, magic...)
	dst = append(dst, flags)
	dst = append(dst, id[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(metadata)))
	return append(dst, metadata...)
}

// appendStanzas encodes vec24(stanzas), of size bytes, in their order.
func appendStanzas(dst []byte, stanzas [][]byte, size int) []byte {
	slices.SortFunc(stanzas, bytes.Compare)
	dst = append(dst, byte(size>>16), byte(size>>8), byte(size))
	for _, s := range stanzas {
		dst = append(dst, s...)
	}
	return dst
}

// parseHeader parses the header at the beginning of b, in whose memory it stays:
// checks 1 to 8.
func parseHeader(b []byte) (*header, error) {
	if err := checkMagic(b); err != nil {
		return nil, err
	}
	switch {
	case len(b) > len(magic) && b[len(magic)]&^flagSigned != 0:
		return nil, ErrVersion
	case len(b) < startSize:
		return nil, ErrTruncated
	}
	h := &header{flags: b[len(magic)], id: ID(b[len(magic)+1:])}
	blockAt := startSize + metadataSize(b)
	if len(b) < blockAt+lengthSize {
		return nil, ErrTruncated
	}
	h.start, h.metadata = b[:blockAt], b[startSize:blockAt]
	size := uint24(b[blockAt:])
	switch {
	case size == 0:
		return nil, &detail{ErrMalformed, "no recipients"}
	case size > maxStanzas:
		return nil, ErrLimit
	case len(b) < blockAt+lengthSize+size:
		return nil, ErrTruncated
	}
	macAt := blockAt + lengthSize + size
	h.block = b[blockAt:macAt]
	var err error
	if h.stanzas, err = parseStanzas(h.block[lengthSize:]); err != nil {
		return nil, err
	}
	h.size = macAt + macSize
	if len(b) < h.size {
		return nil, ErrTruncated
	}
	h.mac = b[macAt:h.size]
	return h, nil
}

func checkMagic(b []byte) error {
	n := min(len(b), len(magic))
	switch {
	case string(b[:n]) == magic[:n]:
		return nil
	case bytes.HasPrefix(b, []byte(armorBegin[:min(len(b), len(armorBegin))])):
		return &detail{ErrNotEnvelope, "it is in text armor"}
	}
	return ErrNotEnvelope
}

// metadataSize reads the length of the metadata from a start.
func metadataSize(b []byte) int { return int(binary.BigEndian.Uint16(b[startSize-2:])) }

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// readHeader reads a header from src, and nothing behind it.
func readHeader(src io.Reader) (*header, error) {
	var b []byte
	for {
		missing := headerSize(b) - len(b)
		if missing <= 0 {
			return parseHeader(b)
		}
		// A length is believed as far as there are bytes.
		step := min(missing, max(len(b), 4096))
		b = slices.Grow(b, step)
		n, err := strictio.ReadFull(src, b[len(b):len(b)+step])
		b = b[:len(b)+n]
		switch {
		case n == step:
		case err == io.EOF:
			_, err = parseHeader(b)
			return nil, err
		default:
			return nil, err
		}
	}
}

// headerSize returns how many bytes a header that begins with b has at least, and
// exactly once b has all lengths. Of what is no header it is no more than b has.
func headerSize(b []byte) int {
	switch {
	case checkMagic(b) != nil:
		return 0
	case len(b) < startSize:
		return startSize
	case b[len(magic)]&^flagSigned != 0:
		return 0
	}
	blockAt := startSize + metadataSize(b)
	if len(b) < blockAt+lengthSize {
		return blockAt + lengthSize
	}
	size := uint24(b[blockAt:])
	if size == 0 || size > maxStanzas {
		return 0
	}
	return blockAt + lengthSize + size + macSize
}

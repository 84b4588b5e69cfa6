package envelope

import (
	"io"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// Info is what an envelope shows to everybody. Nothing of it is authenticated.
type Info struct {
	ID       ID
	Metadata []byte
	// Signed says that there is a signature, not that it is valid or whose it is.
	Signed bool
	// Recipients are what is public of them, in the order of the envelope, which
	// says nothing.
	Recipients []Stanza
	// HeaderSize is the size in bytes of what precedes the encrypted plaintext.
	HeaderSize int64
}

// Inspect reads the header of an envelope from src, without a key. It reads
// nothing behind it; to open the envelope then, src has to be rewound.
//
// The errors are [ErrNotEnvelope], [ErrVersion], [ErrMalformed], [ErrTruncated],
// [ErrLimit] and those of src.
func Inspect(src io.Reader) (*Info, error) {
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	info := &Info{
		ID:         h.id,
		Metadata:   append([]byte(nil), h.metadata...),
		Signed:     h.signed(),
		Recipients: make([]Stanza, len(h.stanzas)),
		HeaderSize: int64(h.size),
	}
	for i := range h.stanzas {
		info.Recipients[i] = h.stanzas[i].public()
	}
	return info, nil
}

// PlaintextSize returns the size of the plaintext in an envelope of sealed bytes
// in all. A size that no envelope with this header has is refused with
// [ErrPayload].
func (i *Info) PlaintextSize(sealed int64) (int64, error) {
	sealed -= i.HeaderSize
	if i.Signed {
		sealed -= trailerSize
	}
	n, err := cobblestone.OpenedSize(sealed)
	return n, ownError(err)
}

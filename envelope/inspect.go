package envelope

import (
	"io"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// Info is what an envelope shows to everyone. None of it is authenticated.
type Info struct {
	ID       ID
	Metadata []byte
	// Signed says whether there is a signature; it may be invalid, and by anyone.
	Signed bool
	// Recipients are the public parts of the stanzas. Their order has no meaning.
	Recipients []Stanza
	// HeaderSize is the size in bytes of all that precedes the encrypted plaintext.
	HeaderSize int64
}

// Inspect reads the header of an envelope from src, without a key, and nothing after
// it. To open the envelope afterwards, rewind src.
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

// PlaintextSize returns the size of the plaintext in an envelope whose total size is
// sealed. A size that no envelope with this header can have is [ErrPayload].
func (i *Info) PlaintextSize(sealed int64) (int64, error) {
	sealed -= i.HeaderSize
	if i.Signed {
		sealed -= trailerSize
	}
	n, err := cobblestone.OpenedSize(sealed)
	return n, ownError(err)
}

package envelope

import (
	"crypto/sha256"
	"io"

	"github.com/parley-e2ee/parley/internal/stretch"
)

// Written are the parameters of passphrases that are written, as they were before
// any test changed them: KDF, time, memory and parallelism.
var Written = [2][4]uint32{fourOf(stretch.Argon2idParams), fourOf(stretch.PBKDF2Params)}

func fourOf(p stretch.Params) [4]uint32 {
	return [4]uint32{uint32(p.KDF), p.Time, p.Memory, uint32(p.Parallelism)}
}

// WriteCheapPassphrases has passphrases cost next to nothing. It is for TestMain.
func WriteCheapPassphrases() {
	p := &stretch.Argon2idParams
	p.Time, p.Memory, p.Parallelism = 1, 8, 1
	stretch.PBKDF2Params.Time = 1
}

// Remarshal parses the header at the beginning of b and encodes what was parsed.
func Remarshal(b []byte) ([]byte, error) {
	h, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	size := 0
	stanzas := make([][]byte, len(h.stanzas))
	for i, s := range h.stanzas {
		stanzas[i] = append(appendStanzaStart(nil, s.typ, s.id, len(s.body)), s.body...)
		size += len(stanzas[i])
	}
	encoded := appendStart(nil, h.flags, &h.id, h.metadata)
	encoded = appendStanzas(encoded, stanzas, size)
	return append(encoded, h.mac...), nil
}

// SplitTrailer returns what a reader of a signed envelope takes for the payload, read
// in the sizes, over and over, and what it takes for the trailer.
func SplitTrailer(src io.Reader, sizes ...int) (payload, trailer []byte, hashed [32]byte, err error) {
	s := &signedPayload{src: src, hash: sha256.New()}
	for i := 0; ; i++ {
		p := make([]byte, sizes[i%len(sizes)])
		n, err := s.Read(p)
		payload = append(payload, p[:n]...)
		if err != nil {
			return payload, s.trailer(), s.digest(), err
		}
	}
}

// FillsWholeReads reports whether a source that fills what it is given has a reader of
// a signed payload do so too, after the first time.
func FillsWholeReads(src io.Reader, size int) bool {
	s := &signedPayload{src: src, hash: sha256.New()}
	p := make([]byte, size)
	s.Read(p)
	n, err := s.Read(p)
	return n == size && err == nil
}

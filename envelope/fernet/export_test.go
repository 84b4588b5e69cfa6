package fernet

// SealWith is AppendSeal with a chosen IV and timestamp.
func SealWith(k Key, msg []byte, iv [16]byte, ts uint64) ([]byte, error) {
	return k.seal(nil, msg, &iv, ts)
}

// EncryptWith is Encrypt with a chosen IV and timestamp.
func EncryptWith(k Key, msg []byte, iv [16]byte, ts uint64) ([]byte, error) {
	return k.encrypt(nil, msg, &iv, ts)
}

// DecodeText returns the raw token of a text.
func DecodeText(text []byte) ([]byte, error) {
	raw := make([]byte, rawSize(text))
	if len(text)%4 != 0 || !decode(raw, unpadded(text)) {
		return nil, ErrMalformed
	}
	return raw, nil
}

// Expired and Ahead are the comparisons behind MaxAge and MaxSkew.
var (
	Expired = expired
	Ahead   = ahead
)

// Padding is the PKCS#7 check.
var Padding = padding

// MaxMessage is the length of the longest message, in bytes.
const MaxMessage = maxMessage

// The lengths at which long tokens are done otherwise.
const (
	PieceSize    = pieceSize
	DecodedPiece = decodedPiece
	ParallelSize = parallelSize
)

// Encode and Decode are the text form's codec.
var (
	Encode = encode
	Decode = decode
)

// Package edwards tells sound Ed25519 public keys from others. Go's crypto/ed25519
// verifies under any point, also under those for which a signature fits many
// messages.
package edwards

import (
	"encoding/hex"
	"math/big"
)

// fieldPrime is 2^255 − 19 (RFC 8032, section 5.1).
var fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

// smallOrderY are the y coordinates of the eight points whose order divides 8,
// little-endian: 0 (order 4), 1 (order 1), −1 (order 2) and the two of order 8.
var smallOrderY = [][32]byte{
	{},
	{0: 1},
	littleEndian(new(big.Int).Sub(fieldPrime, big.NewInt(1))),
	hex32("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	hex32("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

func hex32(s string) [32]byte {
	b, _ := hex.DecodeString(s)
	return [32]byte(b)
}

func littleEndian(v *big.Int) (out [32]byte) {
	v.FillBytes(out[:])
	reverse(&out)
	return out
}

func reverse(b *[32]byte) {
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
}

// Sound reports whether key is 32 bytes, the canonical encoding of a field
// element and no point of small order. That the point is on the curve shows when
// a signature verifies under it.
func Sound(key []byte) bool {
	if len(key) != 32 {
		return false
	}
	k := [32]byte(key)
	k[31] &= 0x7f
	for _, y := range smallOrderY {
		if k == y {
			return false
		}
	}
	reverse(&k)
	return new(big.Int).SetBytes(k[:]).Cmp(fieldPrime) < 0
}

package group

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Digits turns 32 bytes into the 60 decimal digits that people compare: 12
// groups of five, each from 5 bytes (40 bits) that are derived from the secret,
// modulo 100,000.
func Digits(secret []byte) string {
	stretched := append(kdf(secret, labelDigits, []byte{1}), kdf(secret, labelDigits, []byte{2})...)
	groups := make([]string, 12)
	for i := range groups {
		var eight [8]byte
		copy(eight[3:], stretched[5*i:5*i+5])
		groups[i] = fmt.Sprintf("%05d", binary.BigEndian.Uint64(eight[:])%100000)
	}
	return strings.Join(groups, " ")
}

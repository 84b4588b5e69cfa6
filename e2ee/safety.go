package e2ee

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// safetyRounds is how often a fingerprint is hashed, as Signal's numeric
// fingerprints are: it makes a search for a near collision that much dearer.
const safetyRounds = 5200

// safetyNumber is 60 digits over both sides' name and identity key, the same
// whoever computes it: 30 digits a side, the smaller first, in groups of five.
func safetyNumber(nameA string, a group.IdentityKey, nameB string, b group.IdentityKey) string {
	x, y := safetySide(nameA, a), safetySide(nameB, b)
	if y < x {
		x, y = y, x
	}
	return x + " " + y
}

// safetySide is six groups of five digits, each 40 bits of iterated SHA-512
// modulo 100,000.
func safetySide(name string, key group.IdentityKey) string {
	start := append([]byte("parley safety number v1\x00"), byte(len(name)))
	start = append(append(start, name...), key[:]...)
	h := sha512.Sum512(start)
	for range safetyRounds {
		h = sha512.Sum512(append(h[:], key[:]...))
	}
	groups := make([]string, 6)
	for i := range groups {
		var eight [8]byte
		copy(eight[3:], h[5*i:5*i+5])
		groups[i] = fmt.Sprintf("%05d", binary.BigEndian.Uint64(eight[:])%100000)
	}
	return strings.Join(groups, " ")
}

// onlyDigits drops the white space that people write between groups.
func onlyDigits(s string) string { return strings.Join(strings.Fields(s), "") }

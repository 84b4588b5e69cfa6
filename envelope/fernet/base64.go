package fernet

import (
	"encoding/base64"
	"encoding/binary"
)

// The text of a token is not secret, so tables that its bytes index tell nobody
// anything. The bulk goes through them, twice as fast as through encoding/base64,
// which does the rest of a text and, one by one, all of a key's.
const (
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	invalid  = 0xff << 24
)

var (
	// encodeTable holds the two characters of 12 bits, the first in the low byte.
	encodeTable = makeEncodeTable()

	// decodeTable holds the bits of a character where they belong among the 24
	// of its group, for each place in the group; of no character, invalid.
	decodeTable = makeDecodeTable()

	// textEncoding has no padding, which is cut off before it is used.
	textEncoding = base64.RawURLEncoding.Strict()
)

func makeEncodeTable() (table [1 << 12]uint16) {
	for i := range table {
		table[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return table
}

func makeDecodeTable() (table [4][256]uint32) {
	for place := range table {
		for c := range table[place] {
			table[place][c] = invalid
		}
		for v := range alphabet {
			table[place][alphabet[v]] = uint32(v) << (18 - 6*place)
		}
	}
	return table
}

// encode fills dst with the text of src, padding included. They may overlap where
// src does not end before dst: no step then writes what a later one reads.
func encode(dst, src []byte) {
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.BigEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst,
			uint64(encodeTable[v>>52])|
				uint64(encodeTable[v>>40&0xfff])<<16|
				uint64(encodeTable[v>>28&0xfff])<<32|
				uint64(encodeTable[v>>16&0xfff])<<48)
		src, dst = src[6:], dst[8:]
	}
	var rest [8]byte
	n := copy(rest[:], src)
	base64.URLEncoding.Encode(dst, rest[:n])
}

// decode fills dst with what chars, without padding, encode and reports whether
// they are canonical. It may have changed dst where they are not.
func decode(dst, chars []byte) bool {
	var seen uint32
	t := &decodeTable
	for len(chars) >= 16 && len(dst) >= 16 {
		a := t[0][chars[0]] | t[1][chars[1]] | t[2][chars[2]] | t[3][chars[3]]
		b := t[0][chars[4]] | t[1][chars[5]] | t[2][chars[6]] | t[3][chars[7]]
		c := t[0][chars[8]] | t[1][chars[9]] | t[2][chars[10]] | t[3][chars[11]]
		d := t[0][chars[12]] | t[1][chars[13]] | t[2][chars[14]] | t[3][chars[15]]
		binary.BigEndian.PutUint64(dst, uint64(a)<<40|uint64(b)<<16)
		binary.BigEndian.PutUint64(dst[6:], uint64(c)<<40|uint64(d)<<16)
		seen |= a | b | c | d
		chars, dst = chars[16:], dst[12:]
	}
	return seen&invalid == 0 && decodeSlowly(dst, chars)
}

// decodeSlowly is decode by encoding/base64, which skips CR and LF: the count
// tells.
func decodeSlowly(dst, chars []byte) bool {
	n, err := textEncoding.Decode(dst, chars)
	return err == nil && n == len(dst)
}

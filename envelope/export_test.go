package envelope

// Written are the parameters of passphrases that are written, as they were before
// any test changed them: KDF, time, memory and parallelism.
var Written = [2][4]uint32{fourOf(writtenArgon2), fourOf(writtenPBKDF2)}

func fourOf(s stretch) [4]uint32 {
	return [4]uint32{uint32(s.kdf), s.time, s.memory, uint32(s.parallelism)}
}

// WriteCheapPassphrases has passphrases cost next to nothing. It is for TestMain.
func WriteCheapPassphrases() {
	writtenArgon2.time, writtenArgon2.memory, writtenArgon2.parallelism = 1, 8, 1
	writtenPBKDF2.time = 1
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

package keyfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// parseEncrypted reads EncryptedPrivateKeyInfo, RFC 5958, Section 3. That the
// parameters can be worked with is found out before the passphrase is asked for.
func parseEncrypted(der, passphrase []byte) (*PrivateKey, error) {
	scheme, sealed, err := readEncrypted(der)
	if err != nil {
		return nil, err
	}
	if passphrase == nil {
		return nil, ErrEncrypted
	}
	plain, err := scheme.decrypt(passphrase, sealed)
	if err != nil {
		return nil, err
	}
	defer wipe(plain)
	if !looksPKCS8(plain) {
		return nil, ErrPassphrase
	}
	return parsePKCS8(plain)
}

func readEncrypted(der []byte) (*pbes2, []byte, error) {
	seq, err := readSequence(der)
	if err != nil {
		return nil, nil, err
	}
	scheme, err := readPBES2(&seq)
	if err != nil {
		return nil, nil, err
	}
	var sealed cryptobyte.String
	if !seq.ReadASN1(&sealed, asn1.OCTET_STRING) || !seq.Empty() {
		return nil, nil, refuse(ErrMalformed, "not an EncryptedPrivateKeyInfo")
	}
	if len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, nil, refuse(ErrMalformed, "ciphertext is not of whole blocks")
	}
	return scheme, sealed, nil
}

// looksPKCS8 tells a key, with which there may be something wrong that has a name,
// from what comes out under a wrong passphrase: one in 256 of those has good
// padding, next to none looks like PKCS#8.
func looksPKCS8(plain []byte) bool {
	input := cryptobyte.String(plain)
	var seq cryptobyte.String
	if !input.ReadASN1(&seq, asn1.SEQUENCE) {
		return false
	}
	shape, ok := shapeOf(seq)
	return ok && strings.HasPrefix(shape, shapePKCS8)
}

// decrypt implements RFC 8018, Section 6.2.2: AES-CBC and the padding of its
// Section 6.1.1, whose every failure is the same ErrPassphrase.
func (s *pbes2) decrypt(passphrase, sealed []byte) ([]byte, error) {
	block, err := s.block(passphrase)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, s.iv).CryptBlocks(plain, sealed)
	n := int(plain[len(plain)-1])
	if n < 1 || n > aes.BlockSize || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		wipe(plain)
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-n], nil
}

func (s *pbes2) block(passphrase []byte) (cipher.Block, error) {
	key, err := s.derive(passphrase, s.keySize)
	if err != nil {
		return nil, err
	}
	defer wipe(key)
	return aes.NewCipher(key)
}

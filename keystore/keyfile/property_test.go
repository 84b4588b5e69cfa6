package keyfile_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/internal/proptest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// An encoded key in a form that it has.
type encoded struct {
	key  keyfile.Key
	form keyfile.Form
	data []byte
}

func encodings(t *testing.T) []encoded {
	t.Helper()
	var all []encoded
	for _, private := range oneOfEach() {
		for _, key := range []keyfile.Key{private, private.Public()} {
			for _, form := range allForms {
				if data, err := key.Marshal(form); err == nil {
					all = append(all, encoded{key, form, data})
				}
			}
		}
	}
	return all
}

func refused(key keyfile.Key, err error) bool { return key == nil && errors.Is(err, keyfile.ErrKey) }

// consistent: refused, or a key that is written as it was read, or, where white
// space changed, the same key, or, where a JWK lost the name of d, its public key.
func (e encoded) consistent(data []byte) bool {
	key, err := keyfile.Parse(data, nil)
	if err != nil {
		return refused(key, err)
	}
	out, err := key.Marshal(e.form)
	if err != nil || bytes.Equal(out, data) {
		return err == nil
	}
	_, public := key.(*keyfile.PublicKey)
	return key.Public().Equal(e.key.Public()) && (bytes.Equal(out, e.data) || public && e.form == keyfile.JWK)
}

func TestPropertyMutation(t *testing.T) {
	all := encodings(t)
	properties := proptest.New(t, 1000, 100)
	properties.Property("a changed byte is refused or makes another key", prop.ForAll(
		func(i int, at uint, mask uint8) bool {
			data := bytes.Clone(all[i].data)
			data[at%uint(len(data))] ^= mask
			return all[i].consistent(data)
		}, gen.IntRange(0, len(all)-1), gen.UInt(), gen.UInt8Range(1, 255),
	))
	properties.Property("an added byte is refused or makes another key", prop.ForAll(
		func(i int, at uint, b uint8) bool {
			where := int(at % uint(len(all[i].data)+1))
			return all[i].consistent(slices.Insert(bytes.Clone(all[i].data), where, b))
		}, gen.IntRange(0, len(all)-1), gen.UInt(), gen.UInt8(),
	))
	properties.Property("a missing byte is refused or makes another key", prop.ForAll(
		func(i int, at uint) bool {
			where := int(at % uint(len(all[i].data)))
			return all[i].consistent(slices.Delete(bytes.Clone(all[i].data), where, where+1))
		}, gen.IntRange(0, len(all)-1), gen.UInt(),
	))
	properties.TestingRun(t)
}

func TestPropertyCut(t *testing.T) {
	all := encodings(t)
	properties := proptest.New(t, 1000, 100)
	properties.Property("a key that ends early is refused", prop.ForAll(
		func(i int, at uint) bool {
			whole := bytes.TrimRight(all[i].data, "\n")
			return refused(keyfile.Parse(whole[:at%uint(len(whole))], nil))
		}, gen.IntRange(0, len(all)-1), gen.UInt(),
	))
	properties.Property("of two keys both are refused", prop.ForAll(
		func(i, j int) bool {
			return refused(keyfile.Parse(slices.Concat(all[i].data, all[j].data), nil))
		}, gen.IntRange(0, len(all)-1), gen.IntRange(0, len(all)-1),
	))
	properties.TestingRun(t)
}

// TestPropertyOfBytes: what is not a key is refused, whatever it is.
func TestPropertyOfBytes(t *testing.T) {
	properties := proptest.New(t, 1000, 100)
	properties.Property("random bytes behind every kind of beginning are refused", prop.ForAll(
		func(i int, tail []byte) bool {
			heads := []string{"", "0", "\x30\x82", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN ", `{"kty":"RSA",`, "{", "ssh-rsa ", "ssh-ed25519 AAAA"}
			return refused(keyfile.Parse(append([]byte(heads[i]), tail...), []byte(passphrase)))
		}, gen.IntRange(0, 8), gen.SliceOf(gen.UInt8()),
	))
	properties.TestingRun(t)
}

func TestPropertyEncrypted(t *testing.T) {
	key := must(keyfile.GenerateEd25519())
	sealed := cheap(t).seal(t, pad(marshal(t, key, keyfile.PKCS8DER)))
	properties := proptest.New(t, 1000, 100)
	properties.Property("another passphrase does not open", prop.ForAll(
		func(p []byte) bool {
			got, err := keyfile.Parse(sealed, append(p, 1))
			return got == nil && err == keyfile.ErrPassphrase
		}, gen.SliceOf(gen.UInt8()),
	))
	properties.Property("damage to the ciphertext is refused or makes another key", prop.ForAll(
		func(at uint, mask uint8) bool {
			data := bytes.Clone(sealed)
			data[uint(len(data))-1-at%64] ^= mask
			got, err := keyfile.Parse(data, []byte(passphrase))
			return refused(got, err) || err == nil && !got.Public().Equal(key.Public())
		}, gen.UInt(), gen.UInt8Range(1, 255),
	))
	properties.TestingRun(t)
}

// TestEveryFlip changes every byte of short keys in every way, and every bit of a
// long one.
func TestEveryFlip(t *testing.T) {
	for _, e := range encodings(t) {
		masks := []byte{1, 2, 4, 8, 16, 32, 64, 128}
		der := e.form == keyfile.PKCS8DER || e.form == keyfile.PKCS1DER || e.form == keyfile.SPKIDER
		_, private := e.key.(*keyfile.PrivateKey)
		if !der || len(e.data) > 500 || private && e.key.Kind() != keyfile.Ed25519 {
			continue
		}
		for at := range e.data {
			for _, mask := range masks {
				data := bytes.Clone(e.data)
				data[at] ^= mask
				if !e.consistent(data) {
					t.Fatalf("%v %v: byte %d changed by %#x", e.key.Kind(), e.form, at, mask)
				}
			}
		}
	}
}

package fernet_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/internal/proptest"
)

func genBytes(maximum int) gopter.Gen {
	return gen.IntRange(0, maximum).FlatMap(func(n any) gopter.Gen {
		return gen.SliceOfN(n.(int), gen.UInt8())
	}, reflect.TypeFor[[]byte]())
}

func genArray(n int) gopter.Gen { return gen.SliceOfN(n, gen.UInt8()) }

func TestPropertyRoundTrip(t *testing.T) {
	properties := proptest.New(t, 2000, 100)
	properties.Property("what goes in comes out, in both forms, and nothing else is made", prop.ForAll(
		func(secret, msg, prefix, iv []byte, ts uint64) bool {
			key := must(fernet.NewKey(secret))
			raw := must(fernet.SealWith(key, msg, [16]byte(iv), ts))
			text := must(fernet.EncryptWith(key, msg, [16]byte(iv), ts))
			opened := must(key.AppendOpen(prefix, raw, specTime))
			decrypted := must(key.AppendDecrypt(prefix, text, specTime))
			want := append(bytes.Clone(prefix), msg...)
			return bytes.Equal(opened, want) && bytes.Equal(decrypted, want) &&
				bytes.Equal(raw, forge(key, 0x80, ts, [16]byte(iv), pad(msg))) &&
				bytes.Equal(text, toText(raw))
		},
		genArray(32), genBytes(200), genBytes(20), genArray(16), gen.UInt64(),
	))
	properties.TestingRun(t)
}

func TestPropertyMutation(t *testing.T) {
	properties := proptest.New(t, 2000, 100)
	properties.Property("a changed byte, a cut and an extension are refused", prop.ForAll(
		func(secret, msg, junk []byte, at uint, mask uint8) bool {
			key := must(fernet.NewKey(secret))
			raw := must(key.AppendSeal(nil, msg, specTime))
			text := toText(raw)
			open := func(b []byte) ([]byte, error) { return key.AppendOpen(nil, b, specTime) }
			decrypt := func(b []byte) ([]byte, error) { return key.DecryptAt(b, specTime) }
			return refusesSpoilt(open, raw, junk, at, mask) && refusesSpoilt(decrypt, text, junk, at, mask)
		},
		genArray(32), genBytes(200), genBytes(40), gen.UInt(), gen.UInt8Range(1, 255),
	))
	properties.TestingRun(t)
}

func refusesSpoilt(open func([]byte) ([]byte, error), token, junk []byte, at uint, mask uint8) bool {
	i := int(at % uint(len(token)))
	changed := bytes.Clone(token)
	changed[i] ^= mask
	spoilt := [][]byte{changed, token[:i], token[i+1:]}
	if len(junk) > 0 {
		spoilt = append(spoilt,
			append(bytes.Clone(token), junk...),
			append(bytes.Clone(junk), token...),
			append(append(bytes.Clone(token[:i]), junk...), token[i:]...),
		)
	}
	for _, b := range spoilt {
		if got, err := open(b); got != nil || !errors.Is(err, fernet.ErrToken) {
			return false
		}
	}
	return true
}

func TestPropertyOtherKey(t *testing.T) {
	properties := proptest.New(t, 2000, 100)
	properties.Property("one bit of the signing half is another key, to a keyring too", prop.ForAll(
		func(secret, msg []byte, bit uint8) bool {
			key := must(fernet.NewKey(secret))
			token := must(key.Encrypt(msg))
			secret = bytes.Clone(secret)
			secret[bit/8] ^= 1 << (bit % 8)
			other := must(fernet.NewKey(secret))
			_, err := other.Decrypt(token)
			got := must(must(fernet.NewKeyring(other, key)).Decrypt(token))
			return errors.Is(err, fernet.ErrMAC) && bytes.Equal(got, msg)
		},
		genArray(32), genBytes(100), gen.UInt8Range(0, 127),
	))
	properties.TestingRun(t)
}

func TestPropertyAge(t *testing.T) {
	properties := proptest.New(t, 2000, 100)
	properties.Property("age and skew are exact to the second", prop.ForAll(
		func(ts uint32, age, skew uint16) bool {
			key := mustParse(t, specKey)
			raw := must(fernet.SealWith(key, nil, [16]byte{}, uint64(ts)))
			open := func(now int64) error {
				maxAge := fernet.MaxAge(time.Duration(age) * time.Second)
				maxSkew := fernet.MaxSkew(time.Duration(skew) * time.Second)
				_, err := key.AppendOpen(nil, raw, time.Unix(now, 0), maxAge, maxSkew)
				return err
			}
			last, first := int64(ts)+int64(age), int64(ts)-int64(skew)
			return open(last) == nil && errors.Is(open(last+1), fernet.ErrExpired) &&
				open(first) == nil && errors.Is(open(first-1), fernet.ErrClockSkew)
		},
		gen.UInt32(), gen.UInt16(), gen.UInt16(),
	))
	properties.TestingRun(t)
}

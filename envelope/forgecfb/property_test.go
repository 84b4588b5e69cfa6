package forgecfb_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/envelope/forgecfb"
	"github.com/parley-e2ee/parley/internal/proptest"
)

func genBytes(maximum int) gopter.Gen {
	return gen.IntRange(0, maximum).FlatMap(func(n any) gopter.Gen {
		return gen.SliceOfN(n.(int), gen.UInt8())
	}, reflect.TypeFor[[]byte]())
}

func genKey() gopter.Gen {
	return gen.OneGenOf(gen.SliceOfN(16, gen.UInt8()), gen.SliceOfN(32, gen.UInt8()))
}

func genIV() gopter.Gen { return gen.SliceOfN(forgecfb.IVSize, gen.UInt8()) }

func TestPropertyRoundTrip(t *testing.T) {
	needCFB(t)
	properties := proptest.New(t, 2000, 100)
	properties.Property("what was sealed comes out, and the inputs stay as they are", prop.ForAll(
		func(key, iv, plaintext []byte) bool {
			ciphertext := seal(key, iv, plaintext)
			keyCopy, ivCopy, copied := bytes.Clone(key), bytes.Clone(iv), bytes.Clone(ciphertext)
			got := must(forgecfb.OpenUnauthenticated(key, iv, ciphertext))
			return bytes.Equal(got, plaintext) &&
				bytes.Equal(ciphertext, sealStdlib(key, iv, plaintext)) &&
				bytes.Equal(key, keyCopy) && bytes.Equal(iv, ivCopy) && bytes.Equal(ciphertext, copied)
		},
		genKey(), genIV(), genBytes(200),
	))
	properties.TestingRun(t)
}

func TestPropertyUpgrade(t *testing.T) {
	needCFB(t)
	properties := proptest.New(t, 2000, 100)
	properties.Property("the token holds what opens, at the time that was given", prop.ForAll(
		func(secret, key, iv, ciphertext []byte, made uint32) bool {
			to := must(fernet.NewKey(secret))
			token := must(forgecfb.UpgradeAt(to, key, iv, ciphertext, time.Unix(int64(made), 0)))
			return bytes.Equal(must(to.Decrypt(token)), must(forgecfb.OpenUnauthenticated(key, iv, ciphertext))) &&
				must(to.Timestamp(token)).Unix() == int64(made)
		},
		gen.SliceOfN(fernet.KeySize, gen.UInt8()), genKey(), genIV(), genBytes(200), gen.UInt32(),
	))
	properties.TestingRun(t)
}

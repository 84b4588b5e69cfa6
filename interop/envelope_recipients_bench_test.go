package interop_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/ssh"
)

const benchShortSize = 1 << 10

// rsaSealers seal to RSA keys, in the order of the table; the first is what the
// others are compared with.
var rsaSealers = []struct {
	name string
	new  func(keys []*rsa.PublicKey) func(msg []byte) ([]byte, error)
}{
	{"floor", newFloorRSA},
	{"age-ssh-rsa", newAgeRSA},
	{"go-jose", newJoseRSA},
	{"parley", newEnvelopeRSA},
}

// rsaOpeners open what is sealed to keys of which the owner's is the last, each what
// its own kind sealed. go-jose is not among them: it has no way to find the part
// that is for a key but to try them all.
var rsaOpeners = []struct {
	name string
	new  func(owner *rsa.PrivateKey) func(sealed []byte) ([]byte, error)
	seal func(keys []*rsa.PublicKey) func(msg []byte) ([]byte, error)
}{
	{"floor", openFloorRSA, newFloorRSA},
	{"age-ssh-rsa", openAgeRSA, newAgeRSA},
	{"parley", openEnvelopeRSA, newEnvelopeRSA},
}

func BenchmarkRecipients(b *testing.B) {
	msg := benchMessage(benchShortSize)
	for _, n := range []int{1, 10, 100, 1000} {
		for _, impl := range rsaSealers {
			b.Run(fmt.Sprintf("op=seal/recipients=%d/impl=%s", n, impl.name), func(b *testing.B) {
				_, keys := benchKeys(b, n)
				benchSeal(b, msg, impl.new(keys))
			})
		}
	}
	for _, impl := range rsaOpeners {
		b.Run("op=open-last/recipients=1000/impl="+impl.name, func(b *testing.B) {
			owner, keys := benchKeys(b, 1000)
			sealed, open := must(impl.seal(keys)(msg)), impl.new(owner)
			b.SetBytes(benchShortSize)
			b.ReportAllocs()
			for b.Loop() {
				if out, err := open(sealed); err != nil || !bytes.Equal(out, msg) {
					b.Fatalf("another message, error %v", err)
				}
			}
		})
	}
}

func benchSeal(b *testing.B, msg []byte, seal func(msg []byte) ([]byte, error)) {
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if out, err := seal(msg); err != nil || len(out) <= len(msg) {
			b.Fatalf("%d bytes, error %v", len(out), err)
		}
	}
}

// sealGCM appends the message as sealed under key, which is for it alone.
func sealGCM(dst, key, msg []byte) []byte {
	gcm := benchGCM(key)
	return gcm.Seal(dst, make([]byte, gcm.NonceSize()), msg, nil)
}

// newFloorRSA is what nobody can do without: an OAEP operation a key, and one GCM.
func newFloorRSA(keys []*rsa.PublicKey) func([]byte) ([]byte, error) {
	return func(msg []byte) ([]byte, error) {
		fileKey := randomBytes(32)
		out := make([]byte, 0, 256*len(keys)+len(msg)+16)
		for _, key := range keys {
			wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, fileKey, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, wrapped...)
		}
		return sealGCM(out, fileKey, msg), nil
	}
}

// openFloorRSA knows where the owner's part is.
func openFloorRSA(owner *rsa.PrivateKey) func([]byte) ([]byte, error) {
	return func(sealed []byte) ([]byte, error) {
		body := len(sealed) - benchShortSize - 16
		fileKey, err := rsa.DecryptOAEP(sha256.New(), nil, owner, sealed[body-256:body], nil)
		if err != nil {
			return nil, err
		}
		gcm := benchGCM(fileKey)
		return gcm.Open(nil, make([]byte, gcm.NonceSize()), sealed[body:], nil)
	}
}

func newAgeRSA(keys []*rsa.PublicKey) func([]byte) ([]byte, error) {
	var recipients []age.Recipient
	for _, key := range keys {
		recipients = append(recipients, must(agessh.NewRSARecipient(must(ssh.NewPublicKey(key)))))
	}
	return sealAge(recipients)
}

func sealAge(recipients []age.Recipient) func([]byte) ([]byte, error) {
	return func(msg []byte) ([]byte, error) {
		var out bytes.Buffer
		w, err := age.Encrypt(&out, recipients...)
		if err := closing(w, err, bytes.NewReader(msg)); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	}
}

func openAgeRSA(owner *rsa.PrivateKey) func([]byte) ([]byte, error) {
	identity := must(agessh.NewRSAIdentity(owner))
	return func(sealed []byte) ([]byte, error) {
		r, err := age.Decrypt(bytes.NewReader(sealed), identity)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
}

func newJoseRSA(keys []*rsa.PublicKey) func([]byte) ([]byte, error) {
	var recipients []jose.Recipient
	for _, key := range keys {
		recipients = append(recipients, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: key})
	}
	encrypter := must(jose.NewMultiEncrypter(jose.A256GCM, recipients, nil))
	return func(msg []byte) ([]byte, error) {
		object, err := encrypter.Encrypt(msg)
		if err != nil {
			return nil, err
		}
		return []byte(object.FullSerialize()), nil
	}
}

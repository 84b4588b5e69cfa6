package interop_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"filippo.io/age"
	"github.com/ProtonMail/gopenpgp/v3/crypto"
	"github.com/ProtonMail/gopenpgp/v3/profile"
	"github.com/go-jose/go-jose/v4"
	"github.com/minio/sio"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
)

const benchStreamSize = 64 << 20

// stream seals and opens what is long, under a key of its own.
type stream struct {
	seal, open func(dst io.Writer, src source) error
}

// source is a message, or a sealed one, and how it comes: by a reader, or from
// memory, so that io.Copy hands it over in one Write.
type source struct {
	data  []byte
	whole bool
}

func (s source) reader() io.Reader {
	if s.whole {
		return bytes.NewReader(s.data)
	}
	return onlyReader{bytes.NewReader(s.data)}
}

// streams, in the order of the table; the first is what the others are compared
// with. go-jose has no streams and takes the message at once.
var streams = []struct {
	name string
	new  func() stream
}{
	{"raw", newRaw},
	{"raw-reader", newRawReader},
	{"sio", newSio},
	{"tink", newTink},
	{"age", newAge},
	{"gopenpgp", newGopenPGP},
	{"go-jose", newJose},
	{"parley-cobblestone", newCobblestone},
	{"parley", newEnvelope},
	{"parley-signed", newSignedEnvelope},
}

func BenchmarkStream(b *testing.B) {
	msg := benchMessage(benchStreamSize)
	for _, op := range []struct {
		name string
		src  source
	}{{"seal", source{msg, false}}, {"seal-whole", source{msg, true}}} {
		for _, impl := range streams {
			b.Run("op="+op.name+"/size=64MiB/impl="+impl.name, func(b *testing.B) {
				b.SetBytes(benchStreamSize)
				b.ReportAllocs()
				s := impl.new()
				for b.Loop() {
					var n counter
					if err := s.seal(&n, op.src); err != nil || n < benchStreamSize {
						b.Fatalf("%d bytes, error %v", n, err)
					}
				}
			})
		}
	}
	for _, impl := range streams {
		b.Run("op=open/size=64MiB/impl="+impl.name, func(b *testing.B) {
			b.SetBytes(benchStreamSize)
			b.ReportAllocs()
			s := impl.new()
			var sealed, opened bytes.Buffer
			if err := s.seal(&sealed, source{msg, true}); err != nil {
				b.Fatal(err)
			}
			src := source{data: sealed.Bytes()}
			if err := s.open(&opened, src); err != nil || !bytes.Equal(opened.Bytes(), msg) {
				b.Fatalf("another message, error %v", err)
			}
			opened = bytes.Buffer{}
			for b.Loop() {
				var n counter
				if err := s.open(&n, src); err != nil || n != benchStreamSize {
					b.Fatalf("%d bytes, error %v", n, err)
				}
			}
		})
	}
}

// newRaw is the floor: AES-256-GCM over chunks of 16 KiB, from memory, into one
// buffer.
func newRaw() stream {
	return rawStream(func(src source) func(n int) ([]byte, error) {
		data := src.data
		return func(n int) ([]byte, error) {
			chunk := data[:min(n, len(data))]
			data = data[len(chunk):]
			return chunk, nil
		}
	})
}

// newRawReader is the same from a reader, which costs a copy.
func newRawReader() stream {
	return rawStream(func(src source) func(n int) ([]byte, error) {
		r, buf := src.reader(), make([]byte, rawChunk+16)
		return func(n int) ([]byte, error) {
			n, err := io.ReadFull(r, buf[:n])
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = nil
			}
			return buf[:n], err
		}
	})
}

const rawChunk = 16 << 10

// rawStream takes the next chunk, empty at the end, from what from makes of a source.
func rawStream(from func(source) (next func(n int) ([]byte, error))) stream {
	gcm := benchGCM(randomBytes(32))
	run := func(dst io.Writer, src source, size int, do func(dst, nonce, chunk, extra []byte) ([]byte, error)) error {
		next, nonce, buf := from(src), make([]byte, gcm.NonceSize()), make([]byte, 0, rawChunk+gcm.Overhead())
		for i := uint64(0); ; i++ {
			chunk, err := next(size)
			if err != nil || len(chunk) == 0 {
				return err
			}
			binary.BigEndian.PutUint64(nonce[4:], i)
			out, err := do(buf, nonce, chunk, nil)
			if err != nil {
				return err
			}
			if _, err := dst.Write(out); err != nil {
				return err
			}
		}
	}
	return stream{
		func(dst io.Writer, src source) error {
			return run(dst, src, rawChunk, func(dst, nonce, chunk, extra []byte) ([]byte, error) {
				return gcm.Seal(dst, nonce, chunk, extra), nil
			})
		},
		func(dst io.Writer, src source) error { return run(dst, src, rawChunk+gcm.Overhead(), gcm.Open) },
	}
}

func newSio() stream {
	config := sio.Config{MinVersion: sio.Version20, CipherSuites: []byte{sio.AES_256_GCM}, Key: randomBytes(32)}
	return stream{
		func(dst io.Writer, src source) error {
			if src.whole {
				w, err := sio.EncryptWriter(dst, config)
				return closing(w, err, src.reader())
			}
			_, err := sio.Encrypt(dst, src.reader(), config)
			return err
		},
		func(dst io.Writer, src source) error {
			_, err := sio.Decrypt(dst, src.reader(), config)
			return err
		},
	}
}

func newTink() stream {
	aead := must(streamingaead.New(must(keyset.NewHandle(streamingaead.AES256GCMHKDF1MBKeyTemplate()))))
	return stream{
		func(dst io.Writer, src source) error {
			w, err := aead.NewEncryptingWriter(dst, nil)
			return closing(w, err, src.reader())
		},
		func(dst io.Writer, src source) error {
			r, err := aead.NewDecryptingReader(src.reader(), nil)
			return copying(dst, r, err)
		},
	}
}

func newAge() stream {
	identity := must(age.GenerateX25519Identity())
	return stream{
		func(dst io.Writer, src source) error {
			w, err := age.Encrypt(dst, identity.Recipient())
			return closing(w, err, src.reader())
		},
		func(dst io.Writer, src source) error {
			r, err := age.Decrypt(src.reader(), identity)
			return copying(dst, r, err)
		},
	}
}

// newGopenPGP is OpenPGP as in RFC 9580: X25519 and AES-256-OCB.
func newGopenPGP() stream {
	pgp := crypto.PGPWithProfile(profile.RFC9580())
	key := must(pgp.KeyGeneration().AddUserId("bench", "bench@example.com").New().GenerateKey())
	encryption := must(pgp.Encryption().Recipient(must(key.ToPublic())).New())
	decryption := must(pgp.Decryption().DecryptionKey(key).New())
	return stream{
		func(dst io.Writer, src source) error {
			w, err := encryption.EncryptingWriter(dst, crypto.Bytes)
			return closing(w, err, src.reader())
		},
		func(dst io.Writer, src source) error {
			r, err := decryption.DecryptingReader(src.reader(), crypto.Bytes)
			return copying(dst, r, err)
		},
	}
}

func newJose() stream {
	key := randomBytes(32)
	encrypter := must(jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil))
	return stream{
		func(dst io.Writer, src source) error {
			object, err := encrypter.Encrypt(src.data)
			if err != nil {
				return err
			}
			text, err := object.CompactSerialize()
			if err != nil {
				return err
			}
			_, err = dst.Write([]byte(text))
			return err
		},
		func(dst io.Writer, src source) error {
			object, err := jose.ParseEncryptedCompact(string(src.data),
				[]jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
			if err != nil {
				return err
			}
			msg, err := object.Decrypt(key)
			if err != nil {
				return err
			}
			_, err = dst.Write(msg)
			return err
		},
	}
}

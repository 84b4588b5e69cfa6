package forgecfb_test

import (
	"bytes"
	"testing"

	"github.com/parley-e2ee/parley/envelope/forgecfb"
)

// FuzzOpen: any bytes end in a typed error, or in a plaintext of which they are the
// ciphertext.
func FuzzOpen(f *testing.F) {
	needCFB(f)
	f.Add(make([]byte, 16), make([]byte, 16), []byte("17 bytes long ..."))
	f.Fuzz(func(t *testing.T, key, iv, ciphertext []byte) {
		plaintext, err := forgecfb.OpenUnauthenticated(key, iv, ciphertext)
		switch {
		case len(key) != 16 && len(key) != 32:
			wantRefused(t, plaintext, err, forgecfb.ErrKey)
		case len(iv) != forgecfb.IVSize:
			wantRefused(t, plaintext, err, forgecfb.ErrIV)
		case err != nil || !bytes.Equal(seal(key, iv, plaintext), ciphertext):
			t.Errorf("%x opened to %x, error %v", ciphertext, plaintext, err)
		}
	})
}

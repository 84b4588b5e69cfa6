package interop_test

import (
	"errors"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// TestKeyringMultiFernet: a keyring and a MultiFernet of the same keys are one.
func TestKeyringMultiFernet(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	for range cases / 2 {
		keys := make([]fernet.Key, 2+r.IntN(4))
		for i := range keys {
			keys[i] = fernetKey(r)
		}
		ring, texts := must(fernet.NewKeyring(keys...)), reveal(keys...)
		msg, at, maker := r.message(), fernetTime(r), pick(r, keys...)

		// Any key's token opens, on either side.
		ours := must(maker.EncryptAt(msg, at))
		wantSame(t, "a key's token, in MultiFernet", ask[octets](t, p, "fernet_decrypt", args{"keys": texts, "token": ours}), msg)
		theirs := ask[octets](t, p, "fernet_encrypt", args{"keys": reveal(maker), "msg": msg, "at": at.Unix()})
		wantSame(t, "Python's token, in our ring", must(ring.Decrypt(theirs)), msg)

		// What a ring makes, the first key has made.
		wantSame(t, "MultiFernet's token", must(keys[0].Decrypt(ask[octets](t, p, "fernet_encrypt", args{"keys": texts, "msg": msg}))), msg)
		wantSame(t, "our ring's token", ask[octets](t, p, "fernet_decrypt", args{"keys": texts[:1], "token": must(ring.Encrypt(msg))}), msg)

		// Rotation moves to the first key and keeps the time.
		rotated := ask[octets](t, p, "fernet_rotate", args{"keys": texts, "token": ours})
		wantSame(t, "our token, rotated by Python", must(keys[0].Decrypt(rotated)), msg)
		if got := must(keys[0].Timestamp(rotated)); !got.Equal(at) {
			t.Fatalf("rotated by Python: dated %v, want %v", got, at)
		}
		back := must(ring.Rotate(theirs))
		wantSame(t, "Python's token, rotated by us", ask[octets](t, p, "fernet_decrypt", args{"keys": texts[:1], "token": back}), msg)
		if got := ask[int64](t, p, "fernet_timestamp", args{"key": texts[0], "token": back}); got != at.Unix() {
			t.Fatalf("rotated by us: dated %d, want %d", got, at.Unix())
		}

		// A stranger's token is nobody's.
		strange := must(fernetKey(r).Encrypt(msg))
		for _, op := range []string{"fernet_decrypt", "fernet_rotate"} {
			if _, refused := try[octets](t, p, op, args{"keys": texts, "token": strange}); refused != invalidToken {
				t.Fatalf("%s: Python says %q", op, refused)
			}
		}
		if _, err := ring.Decrypt(strange); !errors.Is(err, fernet.ErrMAC) {
			t.Fatalf("Decrypt: %v", err)
		}
		if _, err := ring.Rotate(strange); !errors.Is(err, fernet.ErrMAC) {
			t.Fatalf("Rotate: %v", err)
		}
	}
}

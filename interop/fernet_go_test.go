package interop_test

import (
	"testing"
	"time"

	fernetgo "github.com/fernet/fernet-go"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// TestFernetGo: what is measured against in the benchmarks is also agreed with.
func TestFernetGo(t *testing.T) {
	r := newRandom(t)
	for range cases {
		key, msg := fernetKey(r), r.bytes(1+r.IntN(300)) // it gives nil for the empty message
		at := time.Now().Add(-time.Duration(r.IntN(1800)) * time.Second)
		theirs := must(fernetgo.DecodeKey(key.Reveal()))

		ours := must(key.EncryptAt(msg, at))
		wantSame(t, "our token, in fernet-go", fernetgo.VerifyAndDecrypt(ours, time.Hour, []*fernetgo.Key{theirs}), msg)
		wantSame(t, "fernet-go's token", must(key.Decrypt(must(fernetgo.EncryptAndSignAtTime(msg, theirs, at)), fernet.MaxAge(time.Hour))), msg)

		ours[r.IntN(100)] ^= 1
		if got := fernetgo.VerifyAndDecrypt(ours, time.Hour, []*fernetgo.Key{theirs}); got != nil {
			t.Fatalf("fernet-go takes %q", ours)
		}
		if _, err := key.Decrypt(ours); err == nil {
			t.Fatalf("we take %q", ours)
		}
	}
}

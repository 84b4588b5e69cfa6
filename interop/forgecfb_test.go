package interop_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/forgecfb"
)

// chunks cuts b into parts, the empty one among them.
func chunks(r random, b []byte) [][]byte {
	if r.IntN(3) == 0 {
		return [][]byte{b}
	}
	var all [][]byte
	for len(b) > 0 {
		n := min(r.IntN(40), len(b))
		all, b = append(all, b[:n]), b[n:]
	}
	return all
}

func TestForgeCFB(t *testing.T) {
	p, r := forge.get(t), newRandom(t)
	for range cases {
		key, iv, msg := r.bytes(pick(r, 16, 32)), r.bytes(forgecfb.IVSize), r.message()

		theirs := ask[octets](t, p, "cfb_seal", args{"key": key, "iv": iv, "chunks": chunks(r, msg)})
		wantSame(t, "forge's ciphertext", must(forgecfb.OpenUnauthenticated(key, iv, theirs)), msg)

		to, at := fernetKey(r), fernetTime(r)
		token := must(forgecfb.UpgradeAt(to, key, iv, theirs, at))
		wantSame(t, "forge's ciphertext, upgraded", must(to.Decrypt(token)), msg)
		if got := must(to.Timestamp(token)); !got.Equal(at) {
			t.Fatalf("upgraded: dated %v, want %v", got, at)
		}

		ours := sealCFB(key, iv, msg)
		wantSame(t, "the same sealing in Go", ours, theirs)
		wantSame(t, "opened by forge", ask[octets](t, p, "cfb_open", args{"key": key, "iv": iv, "chunks": chunks(r, ours)}), msg)
	}
}

// TestForgeCFBUpgradeToPython is the whole way of an old message.
func TestForgeCFBUpgradeToPython(t *testing.T) {
	p, old, r := python.get(t), forge.get(t), newRandom(t)
	for range 50 {
		key, iv, text, to := r.bytes(pick(r, 16, 32)), r.bytes(forgecfb.IVSize), r.text(), fernetKey(r)
		sealed := ask[octets](t, old, "cfb_seal_text", args{"key": key, "iv": iv, "text": text})
		token := must(forgecfb.Upgrade(to, key, iv, sealed))
		wantSame(t, "in Python", ask[octets](t, p, "fernet_decrypt", args{"keys": reveal(to), "token": token, "ttl": 60}), []byte(text))
	}
}

// TestForgeCFBText: a string that went through encodeUtf8 is UTF-8.
func TestForgeCFBText(t *testing.T) {
	p, r := forge.get(t), newRandom(t)
	for range cases / 3 {
		key, iv, text := r.bytes(pick(r, 16, 32)), r.bytes(forgecfb.IVSize), r.text()
		theirs := ask[octets](t, p, "cfb_seal_text", args{"key": key, "iv": iv, "text": text})
		if got := string(must(forgecfb.OpenUnauthenticated(key, iv, theirs))); got != text {
			t.Fatalf("got %q, want %q", got, text)
		}
	}
}

// TestForgeCFBLongIV: forge takes the first 16 bytes in silence; we refuse, and the
// advice to cut the IV holds.
func TestForgeCFBLongIV(t *testing.T) {
	p, r := forge.get(t), newRandom(t)
	for range 20 {
		key, iv, msg := r.bytes(32), r.bytes(forgecfb.IVSize+1+r.IntN(32)), r.message()
		theirs := ask[octets](t, p, "cfb_seal", args{"key": key, "iv": iv, "chunks": [][]byte{msg}})
		if _, err := forgecfb.OpenUnauthenticated(key, iv, theirs); err != forgecfb.ErrIV {
			t.Fatalf("error %v", err)
		}
		wantSame(t, "with the IV cut", must(forgecfb.OpenUnauthenticated(key, iv[:forgecfb.IVSize], theirs)), msg)
	}
}

// sealCFB is for tests alone: the library seals with nothing that does not
// authenticate.
func sealCFB(key, iv, msg []byte) []byte {
	out := make([]byte, len(msg))
	//lint:ignore SA1019 A test needs what no code may write.
	cipher.NewCFBEncrypter(must(aes.NewCipher(key)), iv).XORKeyStream(out, msg)
	return out
}

// TestForgeVectors: the committed vectors are what the script beside them writes.
func TestForgeVectors(t *testing.T) {
	forge.get(t)
	modules, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	const dir = "../envelope/forgecfb/testdata/"
	cmd := exec.Command("node", dir+"forge.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.WaitDelay = time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	want, err := os.ReadFile(dir + "forge.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the script does not write forge.jsonl")
	}
}

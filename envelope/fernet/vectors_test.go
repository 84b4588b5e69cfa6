package fernet_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

type vector struct {
	Desc   string    `json:"desc"`
	Token  string    `json:"token"`
	Now    time.Time `json:"now"`
	TTL    int64     `json:"ttl_sec"`
	IV     [16]byte  `json:"iv"`
	Src    string    `json:"src"`
	Secret string    `json:"secret"`
}

// loadVectors fails below a minimum count, lest an empty file pass for a success.
func loadVectors(t *testing.T, kind string, minimum int) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "vectors", "fernet-"+kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) < minimum {
		t.Fatalf("%d %s vectors, want at least %d", len(vs), kind, minimum)
	}
	return vs
}

func TestVectorsGenerate(t *testing.T) {
	for _, v := range loadVectors(t, "generate", 1) {
		key := mustParse(t, v.Secret)
		got, err := fernet.EncryptWith(key, []byte(v.Src), v.IV, uint64(v.Now.Unix()))
		if err != nil || string(got) != v.Token {
			t.Errorf("token %s, error %v; want %s", got, err, v.Token)
		}
	}
}

func TestVectorsVerify(t *testing.T) {
	for _, v := range loadVectors(t, "verify", 1) {
		key, age := mustParse(t, v.Secret), fernet.MaxAge(time.Duration(v.TTL)*time.Second)
		got, err := key.DecryptAt([]byte(v.Token), v.Now, age)
		if err != nil || string(got) != v.Src {
			t.Errorf("message %q, error %v; want %q", got, err, v.Src)
		}
		if err := key.VerifyAt([]byte(v.Token), v.Now, age); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
}

func TestVectorsInvalid(t *testing.T) {
	refusedBy := map[string]error{
		"incorrect mac":  fernet.ErrMAC,
		"too short":      fernet.ErrMalformed,
		"invalid base64": fernet.ErrMalformed,
		"payload size not multiple of block size": fernet.ErrMalformed,
		"payload padding error":                   fernet.ErrPadding,
		"far-future TS (unacceptable clock skew)": fernet.ErrClockSkew,
		"expired TTL":                         fernet.ErrExpired,
		"incorrect IV (causes padding error)": fernet.ErrPadding,
	}
	for _, v := range loadVectors(t, "invalid", len(refusedBy)) {
		t.Run(v.Desc, func(t *testing.T) {
			cause, known := refusedBy[v.Desc]
			if !known {
				t.Fatal("no layer is named for this vector")
			}
			key, age := mustParse(t, v.Secret), fernet.MaxAge(time.Duration(v.TTL)*time.Second)
			got, err := key.DecryptAt([]byte(v.Token), v.Now, age)
			wantRefused(t, got, err, cause)
		})
	}
}

// TestReference holds the package against the second implementation in both
// directions, for every length around the boundaries of blocks and of chunks.
func TestReference(t *testing.T) {
	key, iv := mustParse(t, specKey), [16]byte(fill(16))
	lengths := []int{767, 768, 769, 1535, 1536, 3072, 4095, 4096, 1 << 16, 1<<20 + 5}
	for n := range 130 {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		msg := fill(n)
		raw := forge(key, 0x80, 12345, iv, pad(msg))
		text := toText(raw)
		if got := must(fernet.SealWith(key, msg, iv, 12345)); !bytes.Equal(got, raw) {
			t.Fatalf("%d bytes: raw token differs", n)
		}
		if got := must(fernet.EncryptWith(key, msg, iv, 12345)); !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: text differs", n)
		}
		if len(raw) != fernet.SealedSize(n) || len(text) != fernet.EncryptedSize(n) {
			t.Fatalf("%d bytes: the sizes are wrong", n)
		}
		if got := must(key.AppendOpen(nil, raw, specTime)); !bytes.Equal(got, msg) {
			t.Fatalf("%d bytes: AppendOpen differs", n)
		}
		if got := must(key.Decrypt(text)); !bytes.Equal(got, msg) {
			t.Fatalf("%d bytes: Decrypt differs", n)
		}
	}
	if fernet.SealedSize(0) != 73 || fernet.EncryptedSize(0) != 100 {
		t.Error("the empty message does not make 73 bytes, 100 characters")
	}
}

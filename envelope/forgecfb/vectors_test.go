package forgecfb_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/envelope/forgecfb"
)

// The examples of NIST SP 800-38A, appendix F.3.
const (
	nistIV        = "000102030405060708090a0b0c0d0e0f"
	nistPlaintext = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)

var nistVectors = []struct{ name, key, ciphertext string }{
	{
		"F.3.13 and F.3.14, CFB128-AES128",
		"2b7e151628aed2a6abf7158809cf4f3c",
		"3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b" +
			"26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
	},
	{
		"F.3.17 and F.3.18, CFB128-AES256",
		"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		"dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b" +
			"df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
	},
}

func TestNIST(t *testing.T) {
	needCFB(t)
	for _, v := range nistVectors {
		t.Run(v.name, func(t *testing.T) {
			checkVector(t, unhex(t, v.key), unhex(t, nistIV), unhex(t, nistPlaintext), unhex(t, v.ciphertext))
		})
	}
}

// TestForge holds to what node-forge wrote; testdata/forge.js made the file.
func TestForge(t *testing.T) {
	needCFB(t)
	file, err := os.Open("testdata/forge.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[[2]int]int{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		var v struct{ Key, IV, Plaintext, Ciphertext string }
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		key, plaintext := unhex(t, v.Key), unhex(t, v.Plaintext)
		checkVector(t, key, unhex(t, v.IV), plaintext, unhex(t, v.Ciphertext))
		seen[[2]int{len(key), len(plaintext)}]++
		if t.Failed() {
			t.Fatalf("line %d", n)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, keySize := range []int{16, 32} {
		for n := range 50 {
			if seen[[2]int{keySize, n}] != 2 {
				t.Errorf("%d vectors with a key of %d bytes and a plaintext of %d, want 2", seen[[2]int{keySize, n}], keySize, n)
			}
		}
	}
}

func checkVector(t *testing.T, key, iv, plaintext, ciphertext []byte) {
	t.Helper()
	if got := must(forgecfb.OpenUnauthenticated(key, iv, ciphertext)); !bytes.Equal(got, plaintext) {
		t.Errorf("opened to %x, want %x", got, plaintext)
	}
	to := fernet.GenerateKey()
	token := must(forgecfb.Upgrade(to, key, iv, ciphertext))
	if got := must(to.Decrypt(token)); !bytes.Equal(got, plaintext) {
		t.Errorf("upgraded to a token of %x, want %x", got, plaintext)
	}
	if got := seal(key, iv, plaintext); !bytes.Equal(got, ciphertext) {
		t.Errorf("the test's own sealing gives %x, want %x", got, ciphertext)
	}
}

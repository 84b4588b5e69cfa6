package parley_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Example_migration is the README's table for those who come from Python.
func Example_migration() {
	passphrase := []byte("correct horse battery staple")

	// generate_rsa_key_pair
	pair := must(keyfile.GenerateRSA(2048))
	private := must(pair.MarshalEncrypted(keyfile.PKCS8PEM, passphrase, nil))
	public := must(pair.Public().Marshal(keyfile.SPKIPEM))

	// What is read back, from us or from Python.
	again := must(keyfile.ParsePrivate(private, passphrase))
	fmt.Println(again.Public().Equal(must(keyfile.ParsePublic(public))))

	// generate_aes_key
	key := fernet.GenerateKey()
	text := key.Reveal()
	key = must(fernet.ParseKey(text))

	// encrypt_message, decrypt_message
	message := "Test message"
	token := must(key.Encrypt([]byte(message)))
	opened := must(key.Decrypt(token))
	must(key.Decrypt(token, fernet.MaxAge(time.Hour)))

	// MultiFernet
	newKey, oldKey := fernet.GenerateKey(), key
	ring := must(fernet.NewKeyring(newKey, oldKey))
	must(newKey.Decrypt(must(ring.Rotate(token))))
	fmt.Printf("%s\n", opened)
	// Output:
	// true
	// Test message
}

// TestReadmeMigration holds that the calls in the README's migration table are
// those of the example.
func TestReadmeMigration(t *testing.T) {
	_, rest, ok := strings.Cut(readFile(t, "README.md"), "## Coming from Python, OpenSSL or a browser")
	section, _, closed := strings.Cut(rest, "\n## ")
	if !ok || !closed {
		t.Fatal("README.md has no migration table")
	}
	code := readFile(t, "migration_test.go")
	calls := regexp.MustCompile("`((?:keyfile|fernet|pair|key)\\.[^`]*)`").FindAllStringSubmatch(section, -1)
	if len(calls) < 8 {
		t.Fatalf("the migration table has only %d calls", len(calls))
	}
	for _, call := range calls {
		if !strings.Contains(code, call[1]) {
			t.Errorf("README.md calls %s, and no example does", call[1])
		}
	}
}

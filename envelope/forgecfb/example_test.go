package forgecfb_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/envelope/forgecfb"
)

// What a client wrote with
//
//	cipher = forge.cipher.createCipher('AES-CFB', 'sixteen byte key')
//	cipher.start({iv: 'sixteen bytes iv'})
//	cipher.update(forge.util.createBuffer(forge.util.encodeUtf8('Grüße aus 2014')))
//	cipher.finish()
var (
	oldKey           = []byte("sixteen byte key")
	oldIV            = []byte("sixteen bytes iv")
	oldCiphertext, _ = hex.DecodeString("1bb128c701642a9a9686eb31f76d20ce")
)

func ExampleUpgrade() {
	key := fernet.GenerateKey()
	token, err := forgecfb.Upgrade(key, oldKey, oldIV, oldCiphertext)
	if err != nil {
		fmt.Println(err)
		return
	}
	// Store the token, delete the ciphertext. From here on all is authenticated.
	message, err := key.Decrypt(token)
	fmt.Printf("%s, error %v\n", message, err)
	// Output: Grüße aus 2014, error <nil>
}

func ExampleUpgradeAt() {
	key := fernet.GenerateKey()
	sent := time.Date(2014, time.May, 13, 16, 53, 20, 0, time.UTC)
	token, _ := forgecfb.UpgradeAt(key, oldKey, oldIV, oldCiphertext, sent)

	made, err := key.Timestamp(token)
	fmt.Println(made.UTC(), err)
	_, err = key.Decrypt(token, fernet.MaxAge(24*time.Hour))
	fmt.Println(errors.Is(err, fernet.ErrExpired))
	// Output:
	// 2014-05-13 16:53:20 +0000 UTC <nil>
	// true
}

func ExampleOpenUnauthenticated() {
	changed := append([]byte{}, oldCiphertext...)
	changed[len(changed)-1] ^= '4' ^ '5'

	text, err := forgecfb.OpenUnauthenticated(oldKey, oldIV, changed)
	fmt.Printf("%s, UTF-8 %t, error %v\n", text, utf8.Valid(text), err)

	_, err = forgecfb.OpenUnauthenticated(oldKey, append(oldIV, "excess"...), oldCiphertext)
	fmt.Println(errors.Is(err, forgecfb.ErrIV))
	// Output:
	// Grüße aus 2015, UTF-8 true, error <nil>
	// true
}

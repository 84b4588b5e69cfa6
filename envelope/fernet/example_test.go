package fernet_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

func Example() {
	key := fernet.GenerateKey()

	token, err := key.Encrypt([]byte("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	message, err := key.Decrypt(token, fernet.MaxAge(time.Hour))
	fmt.Printf("%d characters hold %q, error %v\n", len(token), message, err)

	_, err = fernet.GenerateKey().Decrypt(token)
	fmt.Println("another key:", errors.Is(err, fernet.ErrMAC), errors.Is(err, fernet.ErrToken))
	// Output:
	// 100 characters hold "hello", error <nil>
	// another key: true true
}

func ExampleParseKey() {
	// As Python's Fernet.generate_key() writes it.
	key, err := fernet.ParseKey("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
	fmt.Println(key, err)

	_, err = fernet.ParseKey("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n")
	fmt.Println(err)
	// Output:
	// REDACTED <nil>
	// fernet: invalid key
}

func ExampleKey_Reveal() {
	key := fernet.GenerateKey()
	secret := key.Reveal() // for a secret manager, never for a log

	same, err := fernet.ParseKey(secret)
	fmt.Println(len(secret), key.Equal(same), err)
	// Output: 44 true <nil>
}

func ExampleKey_DecryptAt() {
	key, _ := fernet.ParseKey("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
	token := []byte("gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==")
	now := time.Date(1985, time.October, 26, 8, 21, 0, 0, time.UTC)

	message, err := key.DecryptAt(token, now, fernet.MaxAge(time.Minute))
	fmt.Printf("%q %v\n", message, err)

	message, err = key.DecryptAt(token, now.Add(time.Second), fernet.MaxAge(time.Minute))
	fmt.Printf("%q %v\n", message, err)

	made, err := key.Timestamp(token)
	fmt.Println(made.UTC(), err)
	// Output:
	// "hello" <nil>
	// "" fernet: token expired
	// 1985-10-26 08:20:00 +0000 UTC <nil>
}

func ExampleKeyring_Rotate() {
	oldKey, newKey := fernet.GenerateKey(), fernet.GenerateKey()
	stored, _ := oldKey.Encrypt([]byte("hello"))

	ring, err := fernet.NewKeyring(newKey, oldKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err = ring.Rotate(stored)
	fmt.Println("rotated:", err)

	message, err := newKey.Decrypt(stored)
	fmt.Printf("%q %v\n", message, err)
	_, err = oldKey.Decrypt(stored)
	fmt.Println("the old key:", errors.Is(err, fernet.ErrMAC))
	// Output:
	// rotated: <nil>
	// "hello" <nil>
	// the old key: true
}

func ExampleKey_AppendSeal() {
	key := fernet.GenerateKey()
	message := []byte("hello")

	frame := append(make([]byte, 0, 1+fernet.SealedSize(len(message))), 'F')
	frame, err := key.AppendSeal(frame, message, time.Now())
	fmt.Println(len(frame), err)

	opened, err := key.AppendOpen(nil, frame[1:], time.Now(), fernet.MaxAge(time.Minute))
	fmt.Printf("%q %v\n", opened, err)
	// Output:
	// 74 <nil>
	// "hello" <nil>
}

package keyfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func Example() {
	folder, err := os.MkdirTemp("", "keyfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "key.pem")
	passphrase := []byte("correct horse battery staple")

	key, err := keyfile.GenerateRSA(keyfile.DefaultBits)
	if err != nil {
		log.Fatal(err)
	}
	pem, err := key.MarshalEncrypted(keyfile.PKCS8PEM, passphrase, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := keyfile.WriteFile(path, pem); err != nil {
		log.Fatal(err)
	}

	again, err := keyfile.ReadFile(path, passphrase)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Kind(), again.Bits(), again.Public().Equal(key.Public()))
	fmt.Println(again)
	// Output:
	// RSA 2048 true
	// keyfile.PrivateKey(REDACTED)
}

// One call reads every form, and says what is wrong with what it refuses.
func ExampleParse() {
	for _, name := range []string{
		"good/openssl-rsa2048-text.pem", "good/node-ed25519-public.jwk", "good/ssh-rsa3072-encrypted.pub",
		"bad/encrypted.pem", "bad/size-rsa1024.pem", "bad/form-openssh-private", "bad/encryption-legacy.pem",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			log.Fatal(err)
		}
		switch key, err := keyfile.Parse(data, nil); {
		case errors.Is(err, keyfile.ErrEncrypted):
			fmt.Println("ask for the passphrase")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(key.Kind(), key.Bits())
		}
	}
	// Output:
	// RSA 2048
	// Ed25519 256
	// RSA 3072
	// ask for the passphrase
	// keyfile: key size not allowed: RSA modulus below 2048 bits
	// keyfile: form not supported: OpenSSH private key; ssh-keygen -p -m PKCS8 converts RSA ones
	// keyfile: encryption scheme not supported: legacy PEM encryption (DEK-Info); openssl pkcs8 -topk8 converts it
}

// The same key is known under three names.
func ExamplePublicKey_Fingerprint() {
	key, err := keyfile.ParsePublic([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil {
		log.Fatal(err)
	}
	thumbprint, err := key.Thumbprint()
	if err != nil {
		log.Fatal(err)
	}
	openssh, err := key.OpenSSHFingerprint()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Fingerprint())
	fmt.Println(openssh)
	fmt.Println(thumbprint)
	// Output:
	// 06:e3:fd:8f:da:29:bb:60:ab:59:55:7d:e6:1e:db:0a:ec:db:23:11:34:be:30:e7:5b:45:5f:8e:1b:79:2f:a9
	// SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8
	// kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
}

func ExamplePrivateKey_Marshal() {
	key, err := keyfile.ParsePrivate([]byte("-----BEGIN PRIVATE KEY-----\n"+
		"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"+
		"-----END PRIVATE KEY-----\n"), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, form := range []keyfile.Form{keyfile.SPKIPEM, keyfile.OpenSSH, keyfile.JWK} {
		out, err := key.Public().Marshal(form)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", bytes.TrimSpace(out))
	}
	_, err = key.Marshal(keyfile.PKCS1PEM)
	fmt.Println(err)
	// Output:
	// -----BEGIN PUBLIC KEY-----
	// MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
	// -----END PUBLIC KEY-----
	// ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm/RAlphM3+hUG6wWfcO5bIUIaqMLa2ywxcOK1wMWbh
	// {"crv":"Ed25519","kty":"OKP","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}
	// keyfile: form not supported: Ed25519 private keys are not written as PKCS#1 PEM
}

func ExampleWriteFile() {
	folder, err := os.MkdirTemp("", "keyfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "key.pub")

	fmt.Println(keyfile.WriteFile(path, []byte("old")))
	fmt.Println(errors.Is(keyfile.WriteFile(path, []byte("new")), os.ErrExist))
	fmt.Println(keyfile.ReplaceFile(path, []byte("new")))
	// Output:
	// <nil>
	// true
	// <nil>
}

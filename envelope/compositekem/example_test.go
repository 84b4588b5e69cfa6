package compositekem_test

import (
	"bytes"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

func Example() {
	// Bob makes a key and publishes its public half.
	bob, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		log.Fatal(err)
	}
	published := bob.EncapsulationKey().Bytes()

	// Alice makes a shared key and sends Bob the ciphertext.
	ek, err := compositekem.NewEncapsulationKey(published)
	if err != nil {
		log.Fatal(err)
	}
	aliceKey, ciphertext := ek.Encapsulate()

	// Bob gets the same shared key.
	bobKey, err := bob.Decapsulate(ciphertext)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(published), len(ciphertext), len(bobKey), bytes.Equal(aliceKey, bobKey))
	// Output: 1454 1344 32 true
}

func ExampleMarshalPKCS8PrivateKey() {
	dk, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		log.Fatal(err)
	}
	der, err := compositekem.MarshalPKCS8PrivateKey(dk) // secret: encrypt it before it is stored
	if err != nil {
		log.Fatal(err)
	}
	again, err := compositekem.ParsePKCS8PrivateKey(der)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.ParameterSet(), again.EncapsulationKey().Equal(dk.EncapsulationKey()))
	fmt.Println(again)
	// Output:
	// id-MLKEM768-RSA2048-SHA3-256 true
	// compositekem.DecapsulationKey(REDACTED)
}

// A key whose halves are a crypto.Decapsulator and a crypto.Decrypter, as the
// drivers of HSMs and KMSs provide; here both are in memory.
func ExampleNewOpaqueDecapsulationKey() {
	mlkemHalf, err := mlkem.GenerateKey768()
	if err != nil {
		log.Fatal(err)
	}
	rsaHalf, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemHalf, rsaHalf)
	if err != nil {
		log.Fatal(err)
	}
	sent, ciphertext := dk.EncapsulationKey().Encapsulate()
	received, err := dk.Decapsulate(ciphertext)
	fmt.Println(bytes.Equal(sent, received), err)
	_, err = dk.Bytes()
	fmt.Println(err)
	// Output:
	// true <nil>
	// compositekem: opaque decapsulation key has no encoding
}

package keyfile_test

import (
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func BenchmarkParse(b *testing.B) {
	for name, key := range map[string]*keyfile.PrivateKey{
		"RSA-2048": must(keyfile.GenerateRSA(2048)), "composite-2048": must(keyfile.GenerateComposite(2048)), "Ed25519": must(keyfile.GenerateEd25519()),
	} {
		for _, form := range allForms {
			for role, k := range map[string]keyfile.Key{"private": key, "public": key.Public()} {
				data, err := k.Marshal(form)
				if err != nil {
					continue
				}
				b.Run(name+"/"+role+"/"+form.String(), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						must(keyfile.Parse(data, nil))
					}
				})
			}
		}
	}
}

func BenchmarkParseEncrypted(b *testing.B) {
	written := must(must(keyfile.GenerateRSA(2048)).MarshalEncrypted(keyfile.PKCS8PEM, []byte(passphrase), nil))
	for name, data := range map[string][]byte{
		"PBKDF2-600000": written, "scrypt-openssl": read(b, "good/openssl-rsa2048-scrypt.pem"), "PBKDF2-openssl": read(b, "good/openssl-rsa2048-default.pem"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(keyfile.Parse(data, []byte(passphrase)))
			}
		})
	}
}

func BenchmarkMarshal(b *testing.B) {
	key := must(keyfile.GenerateRSA(2048))
	for _, form := range allForms {
		if _, err := key.Marshal(form); err == nil {
			b.Run(form.String(), func(b *testing.B) {
				for b.Loop() {
					must(key.Marshal(form))
				}
			})
		}
	}
	b.Run("encrypted", func(b *testing.B) {
		for b.Loop() {
			must(key.MarshalEncrypted(keyfile.PKCS8PEM, []byte(passphrase), nil))
		}
	})
}

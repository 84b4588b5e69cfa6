package interop_test

import "testing"

// jsonParty is keyOps by a helper that answers JSON.
type jsonParty struct{ p *peer }

func (j jsonParty) generate(t testing.TB, kind string, bits int, to string) []byte {
	t.Helper()
	return ask[octets](t, j.p, "generate", args{"kind": kind, "bits": bits, "to": to})
}

func (j jsonParty) private(t testing.TB, kind string, key []byte, form, to string) []byte {
	t.Helper()
	return ask[octets](t, j.p, "private", args{"kind": kind, "key": key, "form": form, "to": to})
}

func (j jsonParty) unseal(t testing.TB, key, passphrase []byte, form, to string) ([]byte, string) {
	t.Helper()
	return try[octets](t, j.p, "private", args{"key": key, "passphrase": passphrase, "form": form, "to": to})
}

func (j jsonParty) seal(t testing.TB, key, passphrase []byte, form, to, scheme string) []byte {
	t.Helper()
	return ask[octets](t, j.p, "private", args{"key": key, "seal": passphrase, "form": form, "to": to, "scheme": scheme})
}

func (j jsonParty) public(t testing.TB, kind string, key []byte, form, to string) []byte {
	t.Helper()
	return ask[octets](t, j.p, "public", args{"kind": kind, "key": key, "form": form, "to": to})
}

func (j jsonParty) publicAgain(t testing.TB, kind string, key []byte, form, to string) []byte {
	t.Helper()
	return ask[octets](t, j.p, "rewrite_public", args{"kind": kind, "key": key, "form": form, "to": to})
}

func (j jsonParty) encrypt(t testing.TB, key []byte, form, hash string, msg []byte) ([]byte, string) {
	t.Helper()
	return try[octets](t, j.p, "encrypt", args{"key": key, "form": form, "hash": hash, "msg": msg})
}

func (j jsonParty) decrypt(t testing.TB, key []byte, form, hash string, ciphertext []byte) ([]byte, string) {
	t.Helper()
	return try[octets](t, j.p, "decrypt", args{"key": key, "form": form, "hash": hash, "ciphertext": ciphertext})
}

func (j jsonParty) sign(t testing.TB, key []byte, form string, msg []byte) []byte {
	t.Helper()
	return ask[octets](t, j.p, "sign", args{"key": key, "form": form, "msg": msg})
}

func (j jsonParty) verify(t testing.TB, key []byte, form string, msg, sig []byte) string {
	t.Helper()
	_, refused := try[bool](t, j.p, "verify", args{"key": key, "form": form, "msg": msg, "sig": sig})
	return refused
}

// forgeSchemes are the two ways of pki, the ciphers and the PRFs.
func forgeSchemes() []string {
	var all []string
	for _, way := range []string{"rsa", "info"} {
		for _, cipher := range []string{"aes128", "aes192", "aes256"} {
			for _, prf := range []string{"sha1", "sha256", "sha384", "sha512"} {
				all = append(all, way+"/"+cipher+"/"+prf)
			}
		}
	}
	return all
}

package keyfile_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

var allForms = []keyfile.Form{
	keyfile.PKCS8PEM, keyfile.PKCS8DER, keyfile.PKCS1PEM, keyfile.PKCS1DER,
	keyfile.SPKIPEM, keyfile.SPKIDER, keyfile.JWK, keyfile.OpenSSH,
}

// must is for calls that fail only where the package is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// oneOfEach are private keys of every kind and generated size.
func oneOfEach() []*keyfile.PrivateKey {
	all := []*keyfile.PrivateKey{must(keyfile.GenerateEd25519())}
	for _, bits := range []int{2048, 3072, 4096} {
		all = append(all, must(keyfile.GenerateRSA(bits)), must(keyfile.GenerateComposite(bits)))
	}
	return all
}

func TestGenerate(t *testing.T) {
	for name, generate := range map[string]func(int) (*keyfile.PrivateKey, error){
		"RSA": keyfile.GenerateRSA, "composite": keyfile.GenerateComposite,
	} {
		for bits, want := range map[int]int{0: 2048, 2048: 2048, 3072: 3072, 4096: 4096} {
			key := must(generate(bits))
			if key.Kind().String() != name || key.Bits() != want || key.Public().Bits() != want {
				t.Errorf("%s(%d): %v of %d bits", name, bits, key.Kind(), key.Bits())
			}
		}
		for _, bits := range []int{-1, 1, 1024, 2047, 2056, 8192} {
			_, err := generate(bits)
			wantError(t, name, err, keyfile.ErrKeySize)
		}
	}
	a, b := must(keyfile.GenerateEd25519()), must(keyfile.GenerateEd25519())
	if a.Kind() != keyfile.Ed25519 || a.Bits() != 256 || a.Public().Equal(b.Public()) {
		t.Error("Ed25519 keys are not as they should be")
	}
}

// TestForms marshals every kind in every form and reads it back; the forms that a
// kind does not have are ErrForm.
func TestForms(t *testing.T) {
	private := map[keyfile.Kind][]keyfile.Form{
		keyfile.RSA:       {keyfile.PKCS8PEM, keyfile.PKCS8DER, keyfile.PKCS1PEM, keyfile.PKCS1DER, keyfile.JWK},
		keyfile.Composite: {keyfile.PKCS8PEM, keyfile.PKCS8DER},
		keyfile.Ed25519:   {keyfile.PKCS8PEM, keyfile.PKCS8DER, keyfile.JWK},
	}
	public := map[keyfile.Kind][]keyfile.Form{
		keyfile.RSA:       {keyfile.SPKIPEM, keyfile.SPKIDER, keyfile.PKCS1PEM, keyfile.PKCS1DER, keyfile.JWK, keyfile.OpenSSH},
		keyfile.Composite: {keyfile.SPKIPEM, keyfile.SPKIDER},
		keyfile.Ed25519:   {keyfile.SPKIPEM, keyfile.SPKIDER, keyfile.JWK, keyfile.OpenSSH},
	}
	for _, key := range oneOfEach() {
		for _, form := range append(slices.Clone(allForms), 0, 99) {
			checkForm(t, key, form, slices.Contains(private[key.Kind()], form))
			checkForm(t, key.Public(), form, slices.Contains(public[key.Kind()], form))
		}
	}
}

func checkForm(t *testing.T, key keyfile.Key, form keyfile.Form, has bool) {
	t.Helper()
	out, err := key.Marshal(form)
	if !has {
		wantError(t, form.String(), err, keyfile.ErrForm)
		return
	}
	again, err := keyfile.Parse(out, nil)
	if err != nil {
		t.Errorf("%v %v: %v", key.Kind(), form, err)
		return
	}
	_, wasPrivate := key.(*keyfile.PrivateKey)
	_, isPrivate := again.(*keyfile.PrivateKey)
	if isPrivate != wasPrivate || !again.Public().Equal(key.Public()) || !bytes.Equal(marshal(t, again, form), out) {
		t.Errorf("%v %v: read back as another key", key.Kind(), form)
	}
}

// TestAgainstX509 compares with the encodings of crypto/x509.
func TestAgainstX509(t *testing.T) {
	rsaKey := keytest.RSA(t, 3072)
	_, edKey, _ := ed25519.GenerateKey(nil)
	for _, k := range []interface {
		crypto.PrivateKey
		Public() crypto.PublicKey
	}{rsaKey, edKey} {
		key := must(keyfile.NewPrivateKey(k))
		if !bytes.Equal(marshal(t, key, keyfile.PKCS8DER), must(x509.MarshalPKCS8PrivateKey(k))) {
			t.Errorf("%v: PKCS#8 differs", key.Kind())
		}
		if !bytes.Equal(marshal(t, key.Public(), keyfile.SPKIDER), must(x509.MarshalPKIXPublicKey(k.Public()))) {
			t.Errorf("%v: SPKI differs", key.Kind())
		}
		if !must(keyfile.NewPublicKey(k.Public())).Equal(key.Public()) {
			t.Errorf("%v: another public key", key.Kind())
		}
	}
	key := must(keyfile.NewPrivateKey(rsaKey))
	if !bytes.Equal(marshal(t, key, keyfile.PKCS1DER), x509.MarshalPKCS1PrivateKey(rsaKey)) ||
		!bytes.Equal(marshal(t, key.Public(), keyfile.PKCS1DER), x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)) {
		t.Error("PKCS#1 differs")
	}
}

func TestAccessors(t *testing.T) {
	for _, key := range oneOfEach() {
		rsaKey, isRSA := key.RSA()
		composite, isComposite := key.Composite()
		edKey, isEd := key.Ed25519()
		_, publicRSA := key.Public().RSA()
		_, publicComposite := key.Public().Composite()
		_, publicEd := key.Public().Ed25519()
		if isRSA != (key.Kind() == keyfile.RSA) || isComposite != (key.Kind() == keyfile.Composite) || isEd != (key.Kind() == keyfile.Ed25519) ||
			publicRSA != isRSA || publicComposite != isComposite || publicEd != isEd {
			t.Errorf("%v: accessors of other kinds", key.Kind())
		}
		if isRSA != (rsaKey != nil) || isComposite != (composite != nil) || isEd != (edKey != nil) {
			t.Errorf("%v: a key where there is none", key.Kind())
		}
	}
}

// TestAccessorsCopy: what is given out or taken over is not shared.
func TestAccessorsCopy(t *testing.T) {
	given := keytest.RSA(t, 2048)
	key := must(keyfile.NewPrivateKey(given))
	before := marshal(t, key, keyfile.PKCS8DER)
	spki := bytes.Clone(marshal(t, key.Public(), keyfile.SPKIDER))
	out, _ := key.RSA()
	public, _ := key.Public().RSA()
	if out.Validate() != nil || !out.Equal(given) || !public.Equal(&given.PublicKey) {
		t.Error("RSA gives another key")
	}
	for _, k := range []*rsa.PrivateKey{given, out} {
		for _, n := range []*big.Int{k.N, k.D, k.Primes[0], k.Primes[1], k.Precomputed.Dp, k.Precomputed.Dq, k.Precomputed.Qinv} {
			n.SetInt64(0)
		}
		k.E, k.Primes[0] = 3, nil
	}
	public.N.SetInt64(0)
	clear(marshal(t, key.Public(), keyfile.SPKIDER))
	if !bytes.Equal(marshal(t, key, keyfile.PKCS8DER), before) || !bytes.Equal(marshal(t, key.Public(), keyfile.SPKIDER), spki) {
		t.Error("the key changed with a copy of it")
	}

	_, edGiven, _ := ed25519.GenerateKey(nil)
	key = must(keyfile.NewPrivateKey(edGiven))
	before = marshal(t, key, keyfile.PKCS8DER)
	line := marshal(t, key.Public(), keyfile.OpenSSH)
	edOut, _ := key.Ed25519()
	edPublic, _ := key.Public().Ed25519()
	if !edOut.Equal(edGiven) {
		t.Error("Ed25519 gives another key")
	}
	clear(edGiven)
	clear(edOut)
	clear(edPublic)
	if !bytes.Equal(marshal(t, key, keyfile.PKCS8DER), before) || !bytes.Equal(marshal(t, key.Public(), keyfile.OpenSSH), line) {
		t.Error("the key changed with a copy of it")
	}
}

// TestRSAWorks: the key that comes out does what keys do.
func TestRSAWorks(t *testing.T) {
	key := must(keyfile.GenerateRSA(2048))
	private, _ := key.RSA()
	public, _ := key.Public().RSA()
	digest := make([]byte, 32)
	sig := must(rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest, nil))
	if err := rsa.VerifyPSS(public, crypto.SHA256, digest, sig, nil); err != nil {
		t.Error(err)
	}
}

func TestNewPrivateKeyRefuses(t *testing.T) {
	type change func(*rsa.PrivateKey)
	for name, c := range map[string]struct {
		change change
		want   error
	}{
		"no N":            {func(k *rsa.PrivateKey) { k.N = nil }, keyfile.ErrKeySize},
		"negative N":      {func(k *rsa.PrivateKey) { k.N.Neg(k.N) }, keyfile.ErrKeySize},
		"even N":          {func(k *rsa.PrivateKey) { k.N.Sub(k.N, big.NewInt(1)) }, keyfile.ErrModulus},
		"another N":       {func(k *rsa.PrivateKey) { k.N.Add(k.N, big.NewInt(2)) }, keyfile.ErrModulus},
		"E = 3":           {func(k *rsa.PrivateKey) { k.E = 3 }, keyfile.ErrExponent},
		"E even":          {func(k *rsa.PrivateKey) { k.E = 65538 }, keyfile.ErrExponent},
		"E negative":      {func(k *rsa.PrivateKey) { k.E = -65537 }, keyfile.ErrExponent},
		"another E":       {func(k *rsa.PrivateKey) { k.E = 65539 }, keyfile.ErrMismatch},
		"no D":            {func(k *rsa.PrivateKey) { k.D = nil }, keyfile.ErrExponent},
		"another D":       {func(k *rsa.PrivateKey) { k.D.Add(k.D, big.NewInt(2)) }, keyfile.ErrMismatch},
		"no primes":       {func(k *rsa.PrivateKey) { k.Primes = nil }, keyfile.ErrAlgorithm},
		"a nil prime":     {func(k *rsa.PrivateKey) { k.Primes[1] = nil }, keyfile.ErrModulus},
		"negative primes": {func(k *rsa.PrivateKey) { k.Primes[0].Neg(k.Primes[0]); k.Primes[1].Neg(k.Primes[1]) }, keyfile.ErrModulus},
		"three primes":    {func(k *rsa.PrivateKey) { k.Primes = append(k.Primes, big.NewInt(3)) }, keyfile.ErrAlgorithm},
		"another Dp":      {func(k *rsa.PrivateKey) { k.Precomputed.Dp.Add(k.Precomputed.Dp, big.NewInt(2)) }, keyfile.ErrMismatch},
		"no Dq":           {func(k *rsa.PrivateKey) { k.Precomputed.Dq = nil }, keyfile.ErrMismatch},
		"negative Qinv":   {func(k *rsa.PrivateKey) { k.Precomputed.Qinv.Neg(k.Precomputed.Qinv) }, keyfile.ErrMismatch},
	} {
		key := keytest.RSA(t, 2048)
		c.change(key)
		_, err := keyfile.NewPrivateKey(key)
		wantError(t, name, err, c.want)
	}
	bare := keytest.RSA(t, 2048)
	bare.Precomputed = rsa.PrecomputedValues{}
	if _, err := keyfile.NewPrivateKey(bare); err != nil {
		t.Errorf("without CRT values: %v", err)
	}
	if bare.Precomputed.Dp != nil {
		t.Error("the caller's key was changed")
	}

	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, ed, _ := ed25519.GenerateKey(nil)
	swapped := slices.Clone(ed)
	swapped[40] ^= 1
	for name, c := range map[string]struct {
		key  crypto.PrivateKey
		want error
	}{
		"nil":               {nil, keyfile.ErrAlgorithm},
		"EC":                {ec, keyfile.ErrAlgorithm},
		"RSA by value":      {*keytest.RSA(t, 2048), keyfile.ErrAlgorithm},
		"nil RSA":           {(*rsa.PrivateKey)(nil), keyfile.ErrMalformed},
		"nil composite":     {(*compositekem.DecapsulationKey)(nil), keyfile.ErrMalformed},
		"nil Ed25519":       {ed25519.PrivateKey(nil), keyfile.ErrMalformed},
		"short Ed25519":     {ed[:63], keyfile.ErrMalformed},
		"Ed25519 of others": {swapped, keyfile.ErrMismatch},
		"empty RSA":         {new(rsa.PrivateKey), keyfile.ErrAlgorithm},
	} {
		_, err := keyfile.NewPrivateKey(c.key)
		wantError(t, name, err, c.want)
	}
}

func TestNewPublicKeyRefuses(t *testing.T) {
	good := keytest.RSA(t, 2048).PublicKey
	for name, c := range map[string]struct {
		key  crypto.PublicKey
		want error
	}{
		"nil":           {nil, keyfile.ErrAlgorithm},
		"RSA by value":  {good, keyfile.ErrAlgorithm},
		"EC":            {&ecdsa.PublicKey{}, keyfile.ErrAlgorithm},
		"a private key": {keytest.RSA(t, 2048), keyfile.ErrAlgorithm},
		"nil RSA":       {(*rsa.PublicKey)(nil), keyfile.ErrMalformed},
		"nil composite": {(*compositekem.EncapsulationKey)(nil), keyfile.ErrMalformed},
		"short Ed25519": {ed25519.PublicKey(make([]byte, 31)), keyfile.ErrMalformed},
		"empty RSA":     {new(rsa.PublicKey), keyfile.ErrKeySize},
		"E = 1":         {&rsa.PublicKey{N: good.N, E: 1}, keyfile.ErrExponent},
		"even N":        {&rsa.PublicKey{N: new(big.Int).Lsh(good.N, 1), E: good.E}, keyfile.ErrModulus},
		"1024 bits":     {&rsa.PublicKey{N: new(big.Int).Rsh(good.N, 1024), E: good.E}, keyfile.ErrKeySize},
	} {
		_, err := keyfile.NewPublicKey(c.key)
		wantError(t, name, err, c.want)
	}
}

// TestSizes: the limits are where they are said to be.
func TestSizes(t *testing.T) {
	for bits, want := range map[int]error{2047: keyfile.ErrKeySize, 2048: nil, 2049: nil, 8191: nil, 8192: nil, 8193: keyfile.ErrKeySize} {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		key, err := keyfile.NewPublicKey(&rsa.PublicKey{N: n, E: 65537})
		if want != nil {
			wantError(t, "size", err, want)
		} else if err != nil || key.Bits() != bits {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	for e, want := range map[int]error{65535: keyfile.ErrExponent, 65536: keyfile.ErrExponent, 65537: nil, 65539: nil, 1<<31 - 1: nil} {
		_, err := keyfile.NewPublicKey(&rsa.PublicKey{N: keytest.RSA(t, 2048).N, E: e})
		if want != nil {
			wantError(t, "exponent", err, want)
		} else if err != nil {
			t.Errorf("e = %d: %v", e, err)
		}
	}
}

func TestOpaqueCompositeKey(t *testing.T) {
	dk := must(compositekem.NewOpaqueDecapsulationKey(must(mlkem.GenerateKey768()), keytest.RSA(t, 2048)))
	_, err := keyfile.NewPrivateKey(dk)
	wantError(t, "opaque", err, keyfile.ErrForm)
	if !errors.Is(err, compositekem.ErrOpaque) {
		t.Errorf("%v is not ErrOpaque", err)
	}
	if key, err := keyfile.NewPublicKey(dk.EncapsulationKey()); err != nil || key.Kind() != keyfile.Composite {
		t.Errorf("its public key: %v", err)
	}
}

// TestCompositeKeyRefuses changes a half.
func TestCompositeKeyRefuses(t *testing.T) {
	dk, _ := must(keyfile.GenerateComposite(2048)).Composite()
	sk := must(dk.Bytes())
	ek := dk.EncapsulationKey().Bytes()
	other := x509.MarshalPKCS1PrivateKey(keytest.RSA(t, 3072))
	id := seq(oid(1, 3, 6, 1, 5, 5, 7, 6, 55))
	for name, c := range map[string]struct {
		der  []byte
		want error
	}{
		"another size":     {seq(integer(0), id, octets(slices.Concat(sk[:64], other))), keyfile.ErrKeySize},
		"seed only":        {seq(integer(0), id, octets(sk[:64])), keyfile.ErrMalformed},
		"half a seed":      {seq(integer(0), id, octets(sk[:63])), keyfile.ErrMalformed},
		"trailing":         {seq(integer(0), id, octets(append(slices.Clone(sk), 0))), keyfile.ErrTrailingData},
		"parameters":       {seq(integer(0), seq(oid(1, 3, 6, 1, 5, 5, 7, 6, 55), null), octets(sk)), keyfile.ErrMalformed},
		"public ML-KEM":    {seq(id, bits(append(bytes.Repeat([]byte{0xff}, 1184), ek[1184:]...))), keyfile.ErrMalformed},
		"public RSA only":  {seq(id, bits(ek[1184:])), keyfile.ErrMalformed},
		"public trailing":  {seq(id, bits(append(slices.Clone(ek), 0))), keyfile.ErrTrailingData},
		"public of 3072":   {seq(seq(oid(1, 3, 6, 1, 5, 5, 7, 6, 56)), bits(ek)), keyfile.ErrKeySize},
		"public exponent":  {seq(id, bits(slices.Concat(ek[:1184], exponent(ek[1184:])))), keyfile.ErrExponent},
		"mismatching half": {seq(integer(0), id, octets(slices.Concat(sk[:len(sk)-1], []byte{sk[len(sk)-1] ^ 1}))), keyfile.ErrMismatch},
		"draft of others":  {seq(integer(0), seq(oid(1, 3, 6, 1, 5, 5, 7, 6, 54)), octets(sk)), keyfile.ErrAlgorithm},
	} {
		_, err := keyfile.Parse(c.der, nil)
		wantError(t, name, err, c.want)
	}
}

// exponent makes 65539 of the exponent that ends an RSAPublicKey.
func exponent(der []byte) []byte {
	der = slices.Clone(der)
	der[len(der)-1] = 3
	return der
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		keyfile.RSA.String(): "RSA", keyfile.Composite.String(): "composite", keyfile.Ed25519.String(): "Ed25519",
		keyfile.Kind(0).String(): "unknown", keyfile.Kind(9).String(): "unknown",
		keyfile.PKCS8PEM.String(): "PKCS#8 PEM", keyfile.OpenSSH.String(): "OpenSSH",
		keyfile.Form(0).String(): "unknown form", keyfile.Form(9).String(): "unknown form",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestEqual(t *testing.T) {
	a, b := must(keyfile.GenerateRSA(2048)).Public(), must(keyfile.GenerateRSA(2048)).Public()
	again := must(keyfile.ParsePublic(marshal(t, a, keyfile.JWK)))
	if !a.Equal(again) || a.Equal(b) || a.Equal(nil) || a.Equal((*keyfile.PublicKey)(nil)) || a.Equal(*a) || a.Public() != a {
		t.Error("Equal is wrong")
	}
}

func TestNoFingerprintsOfComposite(t *testing.T) {
	key := must(keyfile.GenerateComposite(2048)).Public()
	_, err := key.OpenSSHFingerprint()
	wantError(t, "OpenSSHFingerprint", err, keyfile.ErrForm)
	_, err = key.Thumbprint()
	wantError(t, "Thumbprint", err, keyfile.ErrForm)
}

func TestParseRoles(t *testing.T) {
	key, _ := good(t)
	_, err := keyfile.ParsePrivate(marshal(t, key.Public(), keyfile.SPKIPEM), nil)
	wantError(t, "ParsePrivate", err, keyfile.ErrNotPrivate)
	_, err = keyfile.ParsePublic(marshal(t, key, keyfile.PKCS8PEM))
	wantError(t, "ParsePublic", err, keyfile.ErrNotPublic)
	_, err = keyfile.ParsePublic(read(t, "bad/encrypted.pem"))
	wantError(t, "ParsePublic of an encrypted key", err, keyfile.ErrNotPublic)
	if got, err := keyfile.ParsePrivate(marshal(t, key, keyfile.JWK), nil); err != nil || !got.Public().Equal(key.Public()) {
		t.Errorf("ParsePrivate: %v", err)
	}
	if got, err := keyfile.ParsePublic(marshal(t, key.Public(), keyfile.OpenSSH)); err != nil || !got.Equal(key.Public()) {
		t.Errorf("ParsePublic: %v", err)
	}
}

func TestMaxSize(t *testing.T) {
	key, _ := good(t)
	body := marshal(t, key, keyfile.PKCS8PEM)
	text := bytes.Repeat([]byte("x"), keyfile.MaxSize-len(body)-1)
	if _, err := keyfile.Parse(slices.Concat(text, []byte("\n"), body), nil); err != nil {
		t.Errorf("%d bytes: %v", keyfile.MaxSize, err)
	}
	_, err := keyfile.Parse(slices.Concat(text, []byte("x\n"), body), nil)
	wantError(t, "a byte more", err, keyfile.ErrLimit)
}

// TestHostileJSON: depth, width and length of JSON cost no more than their size.
func TestHostileJSON(t *testing.T) {
	for name, data := range map[string][]byte{
		"deep arrays":  append([]byte(`{"kty":`), bytes.Repeat([]byte("["), 60000)...),
		"deep objects": bytes.Repeat([]byte(`{"a":`), 12000),
		"closed":       slices.Concat([]byte(`{"a":`), bytes.Repeat([]byte("["), 11000), bytes.Repeat([]byte("]"), 11000), []byte(`}`)),
		"many members": append([]byte("{"), bytes.Repeat([]byte(`"a":1,`), 10000)...),
		"long number":  append([]byte(`{"kty":`), bytes.Repeat([]byte("1"), 60000)...),
	} {
		_, err := keyfile.Parse(data, nil)
		wantError(t, name, err, keyfile.ErrMalformed)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	key := must(keyfile.GenerateRSA(2048))
	want := marshal(t, key, keyfile.PKCS8PEM)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			again, err := keyfile.ParsePrivate(want, nil)
			if err != nil || !again.Public().Equal(key.Public()) || !bytes.Equal(must(key.Marshal(keyfile.PKCS8PEM)), want) {
				t.Errorf("another key: %v", err)
			}
			private, _ := key.RSA()
			if private.Validate() != nil || key.Public().Fingerprint() != again.Public().Fingerprint() {
				t.Error("a key that is not valid")
			}
		})
	}
	wg.Wait()
}

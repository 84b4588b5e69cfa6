package envelope_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// sealers are all that take recipients.
var sealers = map[string]func(opts *envelope.Options, to ...*envelope.Recipient) error{
	"Seal": func(opts *envelope.Options, to ...*envelope.Recipient) error {
		sealed, err := envelope.Seal(nil, opts, to...)
		if err != nil && sealed != nil {
			return errors.New("an envelope beside the error")
		}
		return err
	},
	"SealedSize": func(opts *envelope.Options, to ...*envelope.Recipient) error {
		_, err := envelope.SealedSize(0, opts, to...)
		return err
	},
	"NewWriter": func(opts *envelope.Options, to ...*envelope.Recipient) error {
		var out bytes.Buffer
		w, err := envelope.NewWriter(&out, opts, to...)
		if err != nil && (out.Len() > 0 || w != nil) {
			return errors.New("something was written beside the error")
		}
		return err
	},
}

// TestRefusedRecipients: lists that no envelope can have.
func TestRefusedRecipients(t *testing.T) {
	skipWithoutEnvelopes(t)
	a, words, rsa := sharedNumber(1).Recipient(), passphraseMember().Recipient(), rsaMember().Recipient()
	otherWords := must(envelope.PassphraseIdentity([]byte("other"))).Recipient()
	again := must(envelope.ParseRecipient(must(rsa.SPKI())))
	many := make([]*envelope.Recipient, envelope.MaxRecipients+1)
	for i := range many {
		many[i] = must(envelope.SharedKeyIdentity(fmt.Appendf(nil, "%032d", i))).Recipient()
	}
	for name, test := range map[string]struct {
		opts  *envelope.Options
		to    []*envelope.Recipient
		want  error
		index int // of the recipient, -1 where it is none's
	}{
		"none":                  {nil, nil, envelope.ErrNoRecipients, -1},
		"nil":                   {nil, []*envelope.Recipient{a, nil}, envelope.ErrKey, 1},
		"zero":                  {nil, []*envelope.Recipient{new(envelope.Recipient)}, envelope.ErrKey, 0},
		"of a zero identity":    {nil, []*envelope.Recipient{a, words, new(envelope.Identity).Recipient()}, envelope.ErrKey, 2},
		"of a nil identity":     {nil, []*envelope.Recipient{(*envelope.Identity)(nil).Recipient()}, envelope.ErrKey, 0},
		"twice":                 {nil, []*envelope.Recipient{a, rsa, a}, envelope.ErrDuplicate, 2},
		"twice, parsed":         {nil, []*envelope.Recipient{rsa, again}, envelope.ErrDuplicate, 1},
		"twice, hidden":         {&envelope.Options{HideRecipients: true}, []*envelope.Recipient{rsa, rsa}, envelope.ErrDuplicate, 1},
		"mixed":                 {nil, []*envelope.Recipient{a, rsa}, envelope.ErrMixed, -1},
		"mixed with composite":  {nil, []*envelope.Recipient{rsa, compositeMember().Recipient()}, envelope.ErrMixed, -1},
		"passphrase beside":     {nil, []*envelope.Recipient{words, a}, envelope.ErrPassphraseAlone, -1},
		"passphrase behind":     {&envelope.Options{AllowMixed: true}, []*envelope.Recipient{rsa, a, words}, envelope.ErrPassphraseAlone, -1},
		"passphrase twice":      {nil, []*envelope.Recipient{words, words}, envelope.ErrPassphraseAlone, -1},
		"one more than allowed": {nil, many, envelope.ErrLimit, -1},
		"metadata":              {&envelope.Options{Metadata: make([]byte, envelope.MaxMetadata+1)}, many[:1], envelope.ErrLimit, -1},
	} {
		for call, seal := range sealers {
			err := seal(test.opts, test.to...)
			var which *envelope.RecipientError
			if !errors.Is(err, test.want) || errors.As(err, &which) != (test.index >= 0) || which != nil && which.Index != test.index {
				t.Errorf("%s: %s: %v", call, name, err)
			}
		}
	}
	for call, seal := range sealers {
		if err := errors.Join(seal(nil, many[1:]...), seal(&envelope.Options{Metadata: make([]byte, envelope.MaxMetadata)}, a), seal(&envelope.Options{AllowMixed: true}, a, rsa)); err != nil {
			t.Errorf("%s at the limits: %v", call, err)
		}
		// That two passphrases are two is not to be seen.
		if err := seal(nil, words, otherWords); !errors.Is(err, envelope.ErrPassphraseAlone) && !errors.Is(err, envelope.ErrDuplicate) {
			t.Errorf("%s for two passphrases: %v", call, err)
		}
	}
}

// TestRefusedIdentities: lists that open nothing.
func TestRefusedIdentities(t *testing.T) {
	skipWithoutEnvelopes(t)
	sealed := openAs()
	good := sharedMember()
	for name, test := range map[string]struct {
		ids  []*envelope.Identity
		want error
	}{
		"none":                  {nil, envelope.ErrNoRecipients},
		"empty":                 {[]*envelope.Identity{}, envelope.ErrNoRecipients},
		"nil":                   {[]*envelope.Identity{nil}, envelope.ErrKey},
		"nil behind a good one": {[]*envelope.Identity{good, nil}, envelope.ErrKey},
		"zero":                  {[]*envelope.Identity{new(envelope.Identity), good}, envelope.ErrKey},
	} {
		for _, way := range ways {
			if got, err := way.open(sealed, nil, test.ids...); got != nil || !errors.Is(err, test.want) {
				t.Errorf("%s: %s: %v", way.name, name, err)
			}
		}
	}
}

// TestRefusedKeys: every constructor with what is no key.
func TestRefusedKeys(t *testing.T) {
	skipWithoutEnvelopes(t) // RSA-1024 is not to be had
	key := keytest.RSA(t, 2048)
	bits := func(n uint) *big.Int {
		return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), n-1), big.NewInt(1))
	}
	of := func(n *big.Int, e int) *rsa.PublicKey { return &rsa.PublicKey{N: n, E: e} }
	even := new(big.Int).Add(key.N, big.NewInt(1))
	large := int64(1) << 31 // no int, and negative, where that has 32 bits
	for name, public := range map[string]*rsa.PublicKey{
		"nil": nil, "zero": {}, "N of 0": of(new(big.Int), 65537), "negative": of(new(big.Int).Neg(key.N), 65537),
		"1024 bits": of(bits(1024), 65537), "2047 bits": of(bits(2047), 65537), "8193 bits": of(bits(8193), 65537), "even": of(even, 65537),
		"e 0": of(key.N, 0), "e 1": of(key.N, 1), "e 3": of(key.N, 3), "e 65535": of(key.N, 65535), "e even": of(key.N, 65538),
		"e negative": of(key.N, -65537), "e of 2³¹+1": of(key.N, int(large+1)), "e of 2³¹": of(key.N, int(large)),
	} {
		_, err := envelope.RSARecipient(public)
		_, err2 := envelope.RSAIdentity(opaqueKey{public: public})
		if !errors.Is(err, envelope.ErrKey) || !errors.Is(err2, envelope.ErrKey) {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
	}
	for name, public := range map[string]*rsa.PublicKey{
		"2048 bits": of(bits(2048), 65537), "8192 bits": of(bits(8192), 65537), "e of 2³¹−1": of(key.N, 1<<31-1), "e 65539": of(key.N, 65539),
	} {
		r, err := envelope.RSARecipient(public)
		if err != nil || r.KeyID() != [32]byte(digestAll(spki(t, public))) || !bytes.Equal(must(r.SPKI()), spki(t, public)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for name, err := range map[string]error{
		"RSAIdentity(nil)":               second(envelope.RSAIdentity(nil)),
		"RSAIdentity(*rsa nil)":          second(envelope.RSAIdentity((*rsa.PrivateKey)(nil))),
		"RSAIdentity(zero)":              second(envelope.RSAIdentity(&rsa.PrivateKey{})),
		"RSAIdentity(1024)":              second(envelope.RSAIdentity(small)),
		"RSAIdentity(ECDSA)":             second(envelope.RSAIdentity(opaqueKey{public: &curve.PublicKey})),
		"RSAIdentity(nothing)":           second(envelope.RSAIdentity(opaqueKey{})),
		"CompositeIdentity(nil)":         second(envelope.CompositeIdentity(nil)),
		"CompositeRecipient(nil)":        second(envelope.CompositeRecipient(nil)),
		"CompositeRecipient(zero)":       second(envelope.CompositeRecipient(new(compositekem.EncapsulationKey))),
		"PassphraseIdentity(nil)":        second(envelope.PassphraseIdentity(nil)),
		"SharedKeyIdentity(31)":          second(envelope.SharedKeyIdentity(make([]byte, 31))),
		"SharedKeyIdentity(33)":          second(envelope.SharedKeyIdentity(make([]byte, 33))),
		"SharedKeyIdentity(nil)":         second(envelope.SharedKeyIdentity(nil)),
		"ParseRecipient(nil)":            second(envelope.ParseRecipient(nil)),
		"ParseRecipient(1024)":           second(envelope.ParseRecipient(spki(t, &small.PublicKey))),
		"ParseRecipient(ECDSA)":          second(envelope.ParseRecipient(spki(t, &curve.PublicKey))),
		"ParseRecipient, extended":       second(envelope.ParseRecipient(append(spki(t, &key.PublicKey), 0))),
		"ParseRecipient, one more field": second(envelope.ParseRecipient(oneMoreField(spki(t, &key.PublicKey)))),
		"ParseIdentity(nil)":             second(envelope.ParseIdentity(nil)),
		"ParseIdentity(ECDSA)":           second(envelope.ParseIdentity(pkcs8Of(t, curve))),
		"ParseIdentity(1024)":            second(envelope.ParseIdentity(pkcs8Of(t, small))),
		"ParseIdentity of a public key":  second(envelope.ParseIdentity(spki(t, &key.PublicKey))),
	} {
		if !errors.Is(err, envelope.ErrKey) || errors.Is(err, envelope.ErrEnvelope) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// oneMoreField puts a NULL at the end of a SEQUENCE, which encoding/asn1 lets pass.
func oneMoreField(der []byte) []byte {
	longer := append(bytes.Clone(der), 5, 0)
	binary.BigEndian.PutUint16(longer[2:], uint16(len(longer)-4))
	return longer
}

func second[T any](_ T, err error) error { return err }

// An opaqueKey is in hardware.
type opaqueKey struct {
	public  crypto.PublicKey
	decrypt func(ciphertext []byte, opts *rsa.OAEPOptions) ([]byte, error)
}

func (k opaqueKey) Public() crypto.PublicKey { return k.public }

func (k opaqueKey) Decrypt(_ io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.decrypt(ciphertext, opts.(*rsa.OAEPOptions))
}

// runUnder runs a test in a process of its own, in another mode of FIPS 140.
func runUnder(t *testing.T, mode, test string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFIPSOnly runs itself under fips140=only, where every call answers ErrFIPS.
func TestFIPSOnly(t *testing.T) {
	if !withoutEnvelopes() {
		runUnder(t, "only", "TestFIPSOnly")
		return
	}
	id := sharedNumber(1)
	sealed := must(envelope.Dearmor([]byte(vectors(t)[0].Text)))
	unsigned := takeApart(sealed, nil)
	unsigned.flags, unsigned.trailer = 0, nil
	sealSomething := func(to *envelope.Recipient, opts *envelope.Options) error {
		return second(envelope.Seal(nil, opts, to))
	}
	for name, err := range map[string]error{
		"Seal":             sealSomething(id.Recipient(), nil),
		"Seal, signed":     sealSomething(id.Recipient(), &envelope.Options{Signer: alice}),
		"Seal, passphrase": sealSomething(passphraseMember().Recipient(), nil),
		"NewWriter":        second(envelope.NewWriter(io.Discard, nil, id.Recipient())),
		"Open":             second(envelope.Open(sealed, nil, id)),
		"NewReader":        second(envelope.NewReader(bytes.NewReader(sealed), nil, id)),
		"NewReaderAt":      second(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), nil, id)),
		"Rewrap":           envelope.Rewrap(io.Discard, bytes.NewReader(unsigned.bytes()), &envelope.RewrapOptions{RemoveAll: true}, id, id.Recipient()),
	} {
		if err != envelope.ErrFIPS {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := envelope.Inspect(bytes.NewReader(sealed)); err != nil || len(info.Recipients) != 1 {
		t.Errorf("Inspect: %v", err)
	}
}

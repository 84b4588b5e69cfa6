package compositekem_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

const redacted = "compositekem.DecapsulationKey(REDACTED)"

// Every verb of package fmt, with and without flags, and one that is none.
var verbs = strings.Split("%v,%+v,%#v,%T,%t,%b,%c,%d,%o,%O,%q,%x,%X,%#x,%U,%e,%E,%f,%F,%g,%G,%s,%#q,%p,% x,%+q,%08d,%Z", ",")

// traces returns the ways in which fmt would write the secrets of dk.
func traces(tb testing.TB, dk *compositekem.DecapsulationKey) []string {
	tb.Helper()
	sk := encoded(tb, dk)
	seed := sk[:8]
	found := []string{
		string(seed), fmt.Sprintf("%x", seed), fmt.Sprintf("%X", seed), fmt.Sprintf("% x", seed),
		strings.Trim(fmt.Sprint(seed), "[]"), fmt.Sprintf("%#v", seed)[len("[]byte{"):40],
	}
	input := cryptobyte.String(sk[64:])
	var seq cryptobyte.String
	input.ReadASN1(&seq, asn1.SEQUENCE)
	for i := range 9 {
		n := new(big.Int)
		if !seq.ReadASN1Integer(n) {
			tb.Fatal("no RSAPrivateKey")
		}
		if i < 3 { // version, modulus and public exponent
			continue
		}
		found = append(found, n.String()[:24], n.Text(16)[:24], strings.ToUpper(n.Text(16)[:24]), n.Text(8)[:24], n.Text(2)[:64])
	}
	return found
}

func TestPrivateKeyDoesNotPrintItself(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	secrets := traces(t, dk)
	type nested struct {
		Exported *compositekem.DecapsulationKey
		pointer  *compositekem.DecapsulationKey
		value    compositekem.DecapsulationKey
		any      any
		list     []compositekem.DecapsulationKey
		byName   map[string]compositekem.DecapsulationKey
		deeper   struct{ value compositekem.DecapsulationKey }
	}
	holder := nested{Exported: dk, pointer: dk, value: *dk, any: *dk,
		list: []compositekem.DecapsulationKey{*dk}, byName: map[string]compositekem.DecapsulationKey{"": *dk}}
	holder.deeper.value = *dk

	for _, verb := range verbs {
		for _, direct := range []any{dk, *dk} {
			if got := fmt.Sprintf(verb, direct); got != redacted && verb != "%T" && verb != "%p" {
				t.Errorf("%s of %T: %q", verb, direct, got)
			}
		}
		for _, x := range []any{dk, *dk, holder, &holder, []any{dk, *dk}, map[string]any{"": *dk}, []nested{holder}, &holder.deeper} {
			got := fmt.Sprintf(verb, x)
			for _, secret := range secrets {
				if strings.Contains(got, secret) {
					t.Fatalf("%s of %T shows the key", verb, x)
				}
			}
		}
	}
	if dk.String() != redacted || dk.GoString() != redacted {
		t.Error("String or GoString are not redacted")
	}
}

func TestPrivateKeyDoesNotLogItself(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	holder := struct {
		Key *compositekem.DecapsulationKey
	}{dk}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		out.Reset()
		slog.New(handler).Info("message", "pointer", dk, "value", *dk, "nested", holder)
		if strings.Count(out.String(), redacted) < 2 {
			t.Errorf("%T: %s", handler, out.String())
		}
		for _, secret := range traces(t, dk) {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%T logs the key", handler)
			}
		}
	}
}

func TestPrivateKeyDoesNotMarshalItself(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	type nested struct{ Key compositekem.DecapsulationKey }
	for name, marshal := range map[string]func(any) error{
		"json": func(x any) error { _, err := json.Marshal(x); return err },
		"xml":  func(x any) error { _, err := xml.Marshal(x); return err },
		"gob":  func(x any) error { return gob.NewEncoder(new(bytes.Buffer)).Encode(x) },
	} {
		for _, x := range []any{dk, *dk, nested{*dk}, &nested{*dk}} {
			if err := marshal(x); !errors.Is(err, compositekem.ErrSecret) {
				t.Errorf("%s of %T: %v, want ErrSecret", name, x, err)
			}
		}
	}
}

func TestErrorsShowNoInput(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	secrets := traces(t, dk)
	sk := encoded(t, dk)
	for i := 0; i < len(sk); i += 7 {
		bad := bytes.Clone(sk)
		bad[i] ^= 0x55
		_, err := compositekem.NewDecapsulationKey(bad)
		for _, secret := range secrets {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Fatalf("byte %d: the error shows the key", i)
			}
		}
	}
}

package envelope_test

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

const verbs = "%v,%+v,%#v,%s,%q,%x,%X,%d,%o,%b,%c,%U,%e,%g,%t,%T,%Z,% x,%#x,%+q,%08d,%-20v"

// A leak finds secrets in any of the forms in which bytes are printed.
type leak struct {
	names []string
	forms []string
}

// of adds a secret: some parts of eight bytes, of which each is too much.
func (l *leak) of(name string, secret []byte) {
	for at := 0; at+8 <= len(secret); at += max(8, len(secret)/3) {
		part := secret[at : at+8]
		decimal := strings.Trim(fmt.Sprint(part), "[]")
		for _, form := range []string{
			string(part), hex.EncodeToString(part), fmt.Sprintf("%X", part), fmt.Sprintf("% x", part), fmt.Sprintf("% X", part), decimal,
			strings.ReplaceAll(decimal, " ", ", "), strings.ReplaceAll(decimal, " ", ","), strings.Trim(fmt.Sprintf("%#v", part)[7:], "{}"),
			strings.Trim(fmt.Sprintf("%o", part), "[]"), strings.Trim(fmt.Sprintf("%b", part), "[]"), strings.Trim(fmt.Sprintf("%q", part), `"`),
		} {
			l.names, l.forms = append(l.names, name), append(l.forms, form)
		}
	}
}

func (l *leak) hold(t *testing.T, how, text string) {
	t.Helper()
	for i, form := range l.forms {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the %s", how, l.names[i])
			return
		}
	}
}

// A vault has all that holds secrets, and what they are.
type vault struct {
	leak
	redacted []any // print as REDACTED
	public   []any // print as something public
}

func newVault(t *testing.T) *vault {
	v := &vault{}
	key := keytest.RSA(t, 2048)
	composite := must(compositekem.GenerateKey(compositekem.RSA2048))
	plaintext, associated := message(500), message(64)
	v.of("RSA exponent", key.D.Bytes())
	v.of("RSA prime", key.Primes[0].Bytes())
	v.of("RSA exponent in decimal", []byte(key.D.String()))
	v.of("ML-KEM seed", must(composite.Bytes())[:64])
	v.of("shared key", sharedSecret)
	v.of("passphrase", password)
	v.of("signer's key", alice.Seed())
	v.of("plaintext", plaintext)
	v.of("associated data", associated)
	seal := &envelope.Options{Signer: alice, AssociatedData: associated}
	open := &envelope.OpenOptions{AssociatedData: associated}
	sealed := must(envelope.Seal(plaintext, seal, sharedMember().Recipient()))
	f := takeApart(sealed, associated).openShared(sharedSecret)
	payload, mac, trailer := f.keys()
	for _, k := range [][]byte{f.fileKey, payload, mac, trailer} {
		v.of("envelope's key", k)
	}
	w := must(envelope.NewWriter(new(bytes.Buffer), seal, sharedMember().Recipient()))
	must(w.Write(plaintext))
	r := must(envelope.NewReader(bytes.NewReader(sealed), open, sharedMember()))
	must(r.Read(make([]byte, 1)))
	at := must(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), open, sharedMember()))
	must(at.ReadAt(make([]byte, 1), 1))
	v.redacted = []any{seal, *seal, w, *w, r, *r, at, *at}
	for _, id := range []*envelope.Identity{
		must(envelope.RSAIdentity(key)), must(envelope.CompositeIdentity(composite)), sharedMember(), passphraseMember(),
	} {
		v.redacted = append(v.redacted, id, *id)
		v.public = append(v.public, id.Recipient(), *id.Recipient())
	}
	return v
}

// all are the secrets, and what they are a part of.
func (v *vault) all() (all []any) {
	for _, x := range append(slices.Clone(v.redacted), v.public...) {
		private := struct {
			name string
			any  any
		}{"x", x}
		all = append(all, x, &x, []any{x}, map[string]any{"x": x}, struct{ X any }{x}, &struct{ X any }{x}, [1]any{x})
		switch x.(type) {
		case envelope.Options, *envelope.Options:
			// Their signer is the caller's: in a field that is not exported fmt asks
			// nobody how it prints.
		default:
			all = append(all, private, &private, []any{private})
		}
	}
	return append(all, v.typed()...)
}

// typed are structs with fields of the types, exported and not.
func (v *vault) typed() []any {
	type fields struct {
		Identity *envelope.Identity
		identity *envelope.Identity
		Value    envelope.Identity
		value    envelope.Identity
		to       envelope.Recipient
		Options  *envelope.Options
		Also     envelope.Options
		w        envelope.Writer
		r        envelope.Reader
		at       envelope.ReaderAt
	}
	var all []any
	for _, id := range []*envelope.Identity{sharedMember(), passphraseMember()} {
		f := fields{
			id, id, *id, *id, *id.Recipient(), v.redacted[0].(*envelope.Options), v.redacted[1].(envelope.Options),
			v.redacted[3].(envelope.Writer), v.redacted[5].(envelope.Reader), v.redacted[7].(envelope.ReaderAt),
		}
		all = append(all, f, &f, []fields{f}, map[int]fields{1: f})
	}
	return all
}

// TestRedactedPrint: no verb shows a secret, however deep it is.
func TestRedactedPrint(t *testing.T) {
	skipWithoutEnvelopes(t)
	v := newVault(t)
	for verb := range strings.SplitSeq(verbs, ",") {
		for _, x := range v.redacted {
			if got := fmt.Sprintf(verb, x); got != "REDACTED" && verb != "%T" {
				t.Errorf("%s of %T: %s", verb, x, got)
			}
		}
		for _, x := range v.all() {
			v.hold(t, fmt.Sprintf("%s of %T", verb, x), fmt.Sprintf(verb, x))
		}
	}
	for _, x := range v.redacted {
		if s, ok := x.(fmt.GoStringer); !ok || s.GoString() != "REDACTED" || x.(fmt.Stringer).String() != "REDACTED" {
			t.Errorf("%T does not print as REDACTED", x)
		}
	}
	v.hold(t, "fmt.Errorf", fmt.Errorf("%v %w", v.redacted, errors.New(fmt.Sprint(v.public...))).Error())
}

// TestRedactedLog: nor does a log.
func TestRedactedLog(t *testing.T) {
	skipWithoutEnvelopes(t)
	v := newVault(t)
	for _, x := range v.all() {
		var out bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(handler).Info("sealed", "x", x, slog.Group("group", "x", x))
		}
		v.hold(t, fmt.Sprintf("slog of %T", x), out.String())
	}
	for _, x := range v.redacted {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Info("sealed", "x", x)
		if !strings.Contains(out.String(), "x=REDACTED") {
			t.Errorf("%T is logged as %s", x, out.String())
		}
	}
}

// TestRedactedMarshal: nor an encoding, which is refused.
func TestRedactedMarshal(t *testing.T) {
	skipWithoutEnvelopes(t)
	v := newVault(t)
	marshals := map[string]func(x any) ([]byte, error){
		"json": json.Marshal, "xml": xml.Marshal,
		"gob": func(x any) ([]byte, error) {
			var out bytes.Buffer
			err := gob.NewEncoder(&out).Encode(x)
			return out.Bytes(), err
		},
	}
	for name, marshal := range marshals {
		for _, x := range v.redacted {
			if _, err := marshal(x); err == nil {
				t.Errorf("%s takes a %T", name, x)
			}
		}
		for _, x := range v.all() {
			out, err := marshal(x)
			v.hold(t, fmt.Sprintf("%s of %T", name, x), fmt.Sprint(string(out), err))
		}
	}
}

// TestPublicPrint: a recipient prints as type and key ID, whatever the verb, and that
// of a passphrase as its type.
func TestPublicPrint(t *testing.T) {
	names := map[envelope.StanzaType]string{1: "rsa-oaep-sha256", 2: "mlkem768-rsa", 3: "shared-key", 4: "passphrase"}
	for _, m := range cast() {
		r := m.Recipient()
		want := names[r.Type()] + " " + fmt.Sprintf("%x", keyIDOf(m.Identity))
		if r.Type() == envelope.Passphrase {
			want = "passphrase"
		}
		for verb := range strings.SplitSeq("%v,%+v,%#v,%s,%q,%x,%d", ",") {
			if got := fmt.Sprintf(verb, r); got != want {
				t.Errorf("%s: %s", verb, got)
			}
		}
	}
	if got := fmt.Sprint(new(envelope.Recipient), (*envelope.Recipient)(nil)); got != "no recipient no recipient" {
		t.Error(got)
	}
	hidden := envelope.Stanza{Type: envelope.RSAOAEP}
	if !hidden.Hidden() || hidden.String() != "rsa-oaep-sha256 hidden" || (envelope.Stanza{Type: 4}).Hidden() || envelope.StanzaType(9).String() != "unknown" {
		t.Error(hidden)
	}
}

// TestErrorsShowNothing: neither plaintext nor metadata nor keys are in an error.
func TestErrorsShowNothing(t *testing.T) {
	skipWithoutEnvelopes(t)
	v := newVault(t)
	v.of("metadata", []byte("plan.txt"))
	for _, s := range subjects() {
		for _, f := range fieldsOf(s.sealed) {
			for _, changed := range f.changes(s.sealed, true)[:min(1, f.size)] {
				_, err := envelope.Open(changed, nil, s.reader, sharedNumber(1))
				v.hold(t, f.String(), fmt.Sprintf("%v %+v %#v", err, err, err))
			}
		}
	}
	_, err := envelope.Open(openAs(), nil, rsaMember(), sharedNumber(1))
	v.hold(t, "an error", err.Error())
	for reason, want := range []string{"unknown reason", "no identity of this type", "for another key", "hidden, and opens with no identity: another key, or other associated data"} {
		if got := envelope.Reason(reason).String(); got != want {
			t.Errorf("reason %d: %s", reason, got)
		}
	}
}

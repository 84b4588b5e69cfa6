package keystore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

const (
	secretKey   = "TheSecretKey"
	secretValue = "TheSecretValue"
)

const verbs = "vdsqxXTtbcoOUeEfFgG"

// printed is every way in which v is likely to reach a log.
func printed(v any, verbs string) string {
	var out bytes.Buffer
	for _, verb := range verbs {
		for _, flag := range []string{"", "+", "#", " ", "0", "-40", "#+"} {
			fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
		}
	}
	fmt.Fprintln(&out, v)
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
	if text, err := json.Marshal(v); err == nil {
		out.Write(text)
	}
	return out.String()
}

// expectNothing looks for the secrets in what is printed of v: as text, as
// hexadecimal, in base64 and as a list of numbers.
func expectNothing(t *testing.T, name string, v any, verbs string) {
	t.Helper()
	out := printed(v, verbs)
	for _, secret := range []string{secretKey, secretValue} {
		for _, form := range []string{"%s", "%x", "%X", "% x", "%#v"} {
			shown := strings.Trim(fmt.Sprintf(form, []byte(secret)), "[]byte{}")
			if strings.Contains(out, shown) {
				t.Errorf("%s shows a secret as %s", name, form)
			}
		}
		if strings.Contains(out, base64.StdEncoding.EncodeToString([]byte(secret))) {
			t.Errorf("%s shows a secret in base64", name)
		}
		if list := strings.Trim(fmt.Sprint([]byte(secret)), "[]"); strings.Contains(out, list) {
			t.Errorf("%s shows a secret as numbers", name)
		}
	}
}

func TestNothingIsPrinted(t *testing.T) {
	m := keystore.NewMemory()
	put(t, m, erased, secretKey, secretValue)
	expectNothing(t, "store", m, verbs+"p")
	expectNothing(t, "store's value", *m, verbs+"p")
	expectNothing(t, "field", struct {
		Store keystore.Store
		m     *keystore.Memory
		v     keystore.Memory
	}{m, m, *m}, verbs+"p")

	err := m.Update(t.Context(), func(tx keystore.WriteTx) error {
		err := tx.Store(erased, []byte(secretKey), []byte(secretValue))
		expectNothing(t, "WriteTx", tx, verbs+"p")
		expectNothing(t, "WriteTx in a field", struct{ tx keystore.WriteTx }{tx}, verbs+"p")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = m.View(t.Context(), func(tx keystore.Tx) error {
		expectNothing(t, "Tx", tx, verbs+"p")
		expectNothing(t, "Tx in a field", struct{ Tx keystore.Tx }{tx}, verbs+"p")
		for record, err := range tx.Scan(erased, nil) {
			if err != nil {
				return err
			}
			expectNothing(t, "record", record, verbs)
			expectNothing(t, "record's pointer", &record, verbs)
			expectNothing(t, "records", []keystore.Record{record}, verbs)
			expectNothing(t, "record's String", record.String(), verbs)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

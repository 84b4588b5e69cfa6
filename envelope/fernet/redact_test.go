package fernet_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// holder has a key wherever a struct can have one.
type holder struct {
	Key     fernet.Key
	Pointer *fernet.Key
	Ring    fernet.Keyring
	List    []fernet.Key
	Any     any
	Map     map[string]fernet.Key
	private fernet.Key
	pointer *fernet.Key
	ring    fernet.Keyring
	list    []fernet.Key
	any     any
	inner   struct{ key fernet.Key }
}

func newHolder(key fernet.Key) holder {
	ring := must(fernet.NewKeyring(key, key))
	list := []fernet.Key{key}
	h := holder{
		Key: key, Pointer: &key, Ring: ring, List: list, Any: key, Map: map[string]fernet.Key{"k": key},
		private: key, pointer: &key, ring: ring, list: list, any: &key,
	}
	h.inner.key = key
	return h
}

// leak returns what out shows of the key: four bytes of either half, in any of
// the ways in which fmt and encoders write bytes, or "".
func leak(key fernet.Key, out string) string {
	out = strings.ToLower(out)
	signing, encryption := secretOf(key)
	forms := []string{key.Reveal()[:6], key.Reveal()[30:36]}
	for _, part := range [][]byte{signing[4:8], encryption[4:8]} {
		forms = append(forms, string(part))
		for _, verb := range []string{"%v", "%x", "% x", "%#x", "%q", "%o", "%b", "%c", "%U"} {
			forms = append(forms, strings.Trim(fmt.Sprintf(verb, part), `[]"`))
		}
		forms = append(forms, strings.ReplaceAll(strings.Trim(fmt.Sprint(part), "[]"), " ", ","))
		forms = append(forms, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}"))
	}
	for _, form := range forms {
		if strings.Contains(out, strings.ToLower(form)) {
			return form
		}
	}
	return ""
}

func wantNoSecret(t *testing.T, key fernet.Key, what, out string) {
	t.Helper()
	if form := leak(key, out); form != "" {
		t.Errorf("%s shows %q of the key", what, form)
	}
}

// TestLeak: the search finds a key that is held in the open. The key is ASCII:
// of random bytes %q would show runes, cut where the search does not cut.
func TestLeak(t *testing.T) {
	key := must(fernet.NewKey([]byte("abcdefghijklmnopQRSTUVWXYZ012345")))
	signing, encryption := secretOf(key)
	raw := [32]byte(append(signing, encryption...))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% X", "%d", "%o", "%b", "%c", "%U"} {
		for _, v := range []any{raw, raw[:], struct{ k [32]byte }{raw}} {
			if out := fmt.Sprintf(verb, v); leak(key, out) == "" {
				t.Errorf("%s of %T: nothing found in %s", verb, v, out)
			}
		}
	}
	if leak(key, "key="+key.Reveal()) == "" {
		t.Error("nothing found in the text form")
	}
	if out := must(json.Marshal(raw)); leak(key, string(out)) == "" {
		t.Error("nothing found in the JSON")
	}
}

func TestRedactedByFmt(t *testing.T) {
	key := must(fernet.NewKey([]byte("abcdefghijklmnopQRSTUVWXYZ012345")))
	// A used key holds more than an unused one.
	must(key.Encrypt(nil))
	h := newHolder(key)
	values := map[string]any{
		"value": key, "pointer": &key, "keyring": h.Ring, "keyring pointer": &h.Ring, "struct": h,
		"struct pointer": &h, "slice": h.List, "array": [1]fernet.Key{key}, "map": h.Map,
		"slice of structs": []holder{h}, "slice of pointers": []*fernet.Key{&key}, "any": []any{key, &key, h},
	}
	for name, v := range values {
		for _, verb := range strings.Split("v +v #v s q x X d o b c U e g p t T +s #s +q #q #x #X % x 50v -50s +d", " ") {
			wantNoSecret(t, key, name+" with %"+verb, fmt.Sprintf("%"+verb, v))
		}
		wantNoSecret(t, key, name+" by Println", fmt.Sprintln(v))
		wantNoSecret(t, key, name+" in an error", fmt.Errorf("no: %v", v).Error())
	}
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "+s"} {
		for _, v := range []any{key, &key, h.Ring, &h.Ring} {
			if got := fmt.Sprintf("%"+verb, v); got != "REDACTED" {
				t.Errorf("%%%s of %T: %s", verb, v, got)
			}
		}
	}
	if key.String() != "REDACTED" || key.GoString() != "REDACTED" || h.Ring.String() != "REDACTED" {
		t.Error("String or GoString is not REDACTED")
	}
	if got := fmt.Sprint((*fernet.Key)(nil)); got != "<nil>" {
		t.Errorf("a nil pointer prints as %s", got)
	}
}

func TestRedactedByMarshallers(t *testing.T) {
	key := fernet.GenerateKey()
	h := newHolder(key)
	for _, v := range []any{key, &key, h.Ring, &h.Ring, h, &h, h.List, h.Map} {
		out, err := json.Marshal(v)
		if err == nil {
			t.Errorf("json.Marshal took %T", v)
		}
		wantNoSecret(t, key, "json.Marshal", string(out)+fmt.Sprint(err))
	}
	out, err := xml.Marshal(struct{ K fernet.Key }{key})
	if err == nil {
		t.Error("xml.Marshal took a key")
	}
	wantNoSecret(t, key, "xml.Marshal", string(out)+fmt.Sprint(err))

	var buf bytes.Buffer
	err = gob.NewEncoder(&buf).Encode(struct{ K fernet.Key }{key})
	if err == nil {
		t.Error("gob took a key")
	}
	wantNoSecret(t, key, "gob", buf.String()+fmt.Sprint(err))

	if out, err := key.MarshalText(); out != nil || err == nil {
		t.Error("MarshalText gave something")
	}
	if out, err := key.MarshalBinary(); out != nil || err == nil {
		t.Error("MarshalBinary gave something")
	}
}

func TestRedactedBySlog(t *testing.T) {
	key := fernet.GenerateKey()
	h := newHolder(key)
	var buf bytes.Buffer
	for _, log := range []*slog.Logger{
		slog.New(slog.NewTextHandler(&buf, nil)), slog.New(slog.NewJSONHandler(&buf, nil)),
	} {
		buf.Reset()
		log.Info("m", "value", key, "pointer", &key, "ring", h.Ring)
		if n := strings.Count(buf.String(), "REDACTED"); n != 3 {
			t.Errorf("slog wrote REDACTED %d times: %s", n, buf.String())
		}
		log.Info("m", "struct", h, "struct pointer", &h, "list", h.List, "map", h.Map)
		log.With("key", key).Error("m", slog.Group("g", "key", key), slog.Any("err", errors.New("e")))
		wantNoSecret(t, key, "slog", buf.String())
	}
}

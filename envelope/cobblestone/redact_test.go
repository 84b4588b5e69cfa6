package cobblestone_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// TestRedacted: neither key nor plaintext is shown, whatever the verb and however
// deep.
func TestRedacted(t *testing.T) {
	msg := bytes.Repeat([]byte("plaintext"), 10)
	sealed := seal(msg)
	w := must(cobblestone.NewWriter(new(bytes.Buffer), testKey, testContext, nil))
	must(w.Write(msg))
	r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, nil))
	must(r.Read(make([]byte, 1)))
	at := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testContext, nil))
	nonce, _, _ := cobblestone.Derived(0, testKey, testSalt[:], testContext)

	var secrets []string
	for _, s := range [][]byte{[]byte("plaintext"), testKey[:8], nonce[:6]} {
		secrets = append(secrets, string(s), fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), fmt.Sprintf("% x", s),
			strings.Trim(fmt.Sprint(s), "[]"), strings.Trim(fmt.Sprintf("%#v", s)[7:], "{}"))
	}
	clean := func(how, text string) {
		t.Helper()
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s shows a secret", how)
			}
		}
	}
	type holder struct {
		Any     any
		private any
		w       *cobblestone.Writer
		r       *cobblestone.Reader
		at      *cobblestone.ReaderAt
		deep    struct {
			w  cobblestone.Writer
			r  cobblestone.Reader
			at cobblestone.ReaderAt
		}
	}
	h := holder{Any: w, private: r, w: w, r: r, at: at}
	h.deep.w, h.deep.r, h.deep.at = *w, *r, *at
	for verb := range strings.SplitSeq("%v,%+v,%#v,%s,%q,%x,%X,%d,%o,%b,%c,%U,%e,%t,%Z,% x,%#x,%08d", ",") {
		for _, x := range []any{w, r, at, *w, *r, *at} {
			if got := fmt.Sprintf(verb, x); got != "REDACTED" {
				t.Errorf("%s of %T: %s", verb, x, got)
			}
		}
		clean(verb, fmt.Sprintf(verb, h)+fmt.Sprintf(verb, &h)+fmt.Sprintf(verb, []any{h, &h, w}))
	}
	for _, x := range []any{w, r, at, *w, *r, *at} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("message", "x", x)
		slog.New(slog.NewTextHandler(&out, nil)).Info("message", "x", x)
		if strings.Count(out.String(), "REDACTED") != 2 {
			t.Errorf("logged: %s", out.String())
		}
		for _, marshal := range []func() error{
			func() error { _, err := json.Marshal(x); return err },
			func() error { _, err := xml.Marshal(x); return err },
			func() error { return gob.NewEncoder(new(bytes.Buffer)).Encode(x) },
		} {
			if marshal() == nil {
				t.Errorf("%T is marshalled", x)
			}
		}
		if s, ok := x.(interface{ GoString() string }); !ok || s.GoString() != "REDACTED" {
			t.Errorf("%T has no GoString", x)
		}
	}
	clean("an error", (&cobblestone.ChunkError{Number: 3}).Error())
}

func TestSuite(t *testing.T) {
	for suite, want := range map[cobblestone.Suite]string{0: "Cobblestone-256 32", 1: "Cobblestone-128 16", 2: "unknown Cobblestone suite 0"} {
		if got := fmt.Sprint(suite.String(), " ", suite.KeySize()); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

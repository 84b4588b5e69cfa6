package group_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// What holds secrets, and holds what does: by value and by pointer.
type holder[T any] struct {
	Name  string
	Value T
	Ptr   *T
	Deep  struct{ Any any }
	List  []T
	Map   map[string]T
}

// hidden holds it where fmt calls no method of T.
type hidden[T any] struct {
	value T
	ptr   *T
	any   any
	list  []T
}

func hide[T any](v T) []any {
	h := hidden[T]{v, &v, v, []T{v}}
	return []any{h, &h, []hidden[T]{h}, map[string]*hidden[T]{"h": &h}}
}

func hold[T any](v T) []any {
	h := holder[T]{Name: "holder", Value: v, Ptr: &v, List: []T{v}, Map: map[string]T{"v": v}}
	h.Deep.Any = v
	return []any{v, &v, h, &h, []*T{&v}}
}

// spellings are the ways in which secret bytes would show.
func spellings(secret []byte) []string {
	part := secret[:8]
	list := strings.Trim(fmt.Sprint(part), "[]")
	return []string{
		string(part),
		hex.EncodeToString(part),
		strings.ToUpper(hex.EncodeToString(part)),
		list,
		strings.ReplaceAll(list, " ", ", "),
		strings.ReplaceAll(list, " ", ","),
		strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}"),
		strings.Trim(fmt.Sprintf("%q", part), `"`),
		strings.Trim(fmt.Sprintf("% x", part), `"`),
		base64.StdEncoding.EncodeToString(secret)[:10],
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	seen := 0
	for _, r := range stores(t) {
		m, id := r.Member, r.id
		secrets := append(group.Secrets(m), identitySeed(id.Public()))
		seen += len(secrets)
		things := append(hold(m), hold(id)...)
		things = append(append(things, hold(*m)...), hide(*m)...)
		things = append(append(things, hide(m)...), hide(id)...)
		if link, err := m.Invitation(); err == nil {
			seed := link.Reveal()
			secrets = append(secrets, seed[:])
			things = append(things, hold(link)...)
			things = append(things, hold(*link)...)
			things = append(append(things, hide(*link)...), hide(link)...)
		}
		outs := append(printed(things, append(verbs, "%p")), printed(hold(r.stored[1]), verbs)...)
		for _, out := range outs {
			for _, secret := range secrets {
				for _, s := range spellings(secret) {
					if strings.Contains(out, s) {
						t.Fatalf("a secret of %v shows as %q in %.200q", r, s, out)
					}
				}
			}
		}
	}
	if seen < 20 {
		t.Fatalf("compared with %d secrets only", seen)
	}
}

// verbs leaves out %p, for which fmt asks nobody: a map of records shows there.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t", "%e"}

// printed is what verbs, JSON and both slog handlers make of things.
func printed(things []any, verbs []string) (out []string) {
	for _, v := range things {
		for _, verb := range verbs {
			out = append(out, fmt.Sprintf(verb, v))
		}
		if raw, err := json.Marshal(v); err == nil {
			out = append(out, string(raw))
		}
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("thing", "v", v, slog.Group("g", "v", v))
		}
		out = append(out, log.String())
	}
	return out
}

func TestMemberSaysWhoItIs(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	for _, verb := range []string{"%v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, alice.Member); !strings.Contains(got, "alice") || !strings.Contains(got, "epoch 0") {
			t.Errorf("%s gives %s", verb, got)
		}
	}
	if _, err := json.Marshal(alice.Member); err == nil {
		t.Error("a Member marshals to JSON")
	}
	if _, err := json.Marshal(alice.stored[1]); err == nil {
		t.Error("records marshal to JSON")
	}
	if got := alice.Identity(); got.Name() != "alice" || got.Public() != alice.id.Public() {
		t.Errorf("identity %v", got)
	}
}

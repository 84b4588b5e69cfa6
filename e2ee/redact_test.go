package e2ee_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
)

// secretForms are the ways in which secret bytes could show.
func secretForms(secret []byte) []string {
	list := strings.Trim(fmt.Sprint(secret), "[]")
	return []string{
		string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.StdEncoding.EncodeToString(secret)[:len(secret)], base64.RawURLEncoding.EncodeToString(secret)[:len(secret)],
		list, strings.ReplaceAll(list, " ", ", "), strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"),
		fmt.Sprintf("% x", secret), strings.Trim(fmt.Sprintf("%o", secret), "[]"), strings.Trim(fmt.Sprintf("%b", secret), "[]"),
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	m := &meter{Relay: relay}
	alice.cfg.Relay = m
	alice.restart()
	r, err := alice.Create(t.Context(), "Secure", nil)
	must(t, err)
	m.set(true, false)
	const text = "a message that waits to be sent"
	send(t, r, text)
	inv, err := e2ee.ParseLink(linkOf(t, r))
	must(t, err)
	invite := inv.Reveal()
	secrets := map[string][]byte{"identity seed": alice.Identity().SigningKey().Seed(), "invite": invite[:], "message": []byte(text)}

	_ = alice.Close() // fmt looks into a running client where it finds one unexported
	id := alice.Identity()
	type nested struct {
		Client *e2ee.Client
		Room   *e2ee.Room
		ID     e2ee.Identity
		client *e2ee.Client
		room   *e2ee.Room
		id     e2ee.Identity
		ids    []e2ee.Identity
		Any    []any
		inv    any
	}
	outer := nested{alice.Client, r, id, alice.Client, r, id, []e2ee.Identity{id}, []any{alice.Client, r, id, &id, inv, alice.cfg}, inv}
	for name, v := range map[string]any{
		"client": alice.Client, "room": r, "identity": id, "identity pointer": &id, "invitation": inv, "config": alice.cfg,
		"nested": outer, "nested pointer": &outer, "slice": []any{alice.Client, r, id, inv}, "map": map[string]any{"x": alice.Client, "y": id},
	} {
		for _, printed := range prints(v) {
			for secret, raw := range secrets {
				for _, form := range secretForms(raw) {
					if strings.Contains(printed, form) {
						t.Errorf("%s shows the %s", name, secret)
					}
				}
			}
		}
	}
	for want, v := range map[string]any{"e2ee.Client(alice)": alice.Client, "e2ee.Identity(alice)": id, "e2ee.Room(" + r.ID().String() + ")": r} {
		for _, verb := range "vsdxXqoObtTeEfFgGUcp" {
			if verb == 'T' || verb == 'p' { // which fmt answers by itself
				continue
			}
			for _, flag := range []string{"", "+", "#", "-20", "020", "."} {
				if got := fmt.Sprintf("%"+flag+string(verb), v); got != want {
					t.Errorf("%%%s%c gives %q, want %q", flag, verb, got, want)
				}
			}
		}
		if raw, err := json.Marshal(v); err != nil || string(raw) != `"`+want+`"` {
			t.Errorf("json gives %s, %v, want %q", raw, err, want)
		}
	}
	if got := fmt.Sprint(e2ee.Identity{}); got != "e2ee.Identity()" {
		t.Errorf("no identity prints as %q", got)
	}
}

// prints is v in every verb, as JSON and in both kinds of structured log.
func prints(v any) (out []string) {
	for _, verb := range "vsdxXqoObtTeEfFgGUcp" {
		for _, flag := range []string{"", "+", "#", "+#", " "} {
			out = append(out, fmt.Sprintf("%"+flag+string(verb), v))
		}
	}
	raw, _ := json.Marshal(v)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	return append(out, string(raw), log.String())
}

// TestErrorsCarryNoInput hands over what must not come back.
func TestErrorsCarryNoInput(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	const mark = "kept-to-myself"
	link := "parley:join#" + mark
	_, parsed := e2ee.ParseLink(link)
	_, bundled := e2ee.ParseBundle([]byte(mark))
	for name, err := range map[string]error{
		"ParseLink": parsed, "ParseBundle": bundled,
		"JoinLink": second(alice.JoinLink(t.Context(), link, nil)), "Join": second(alice.Join(t.Context(), mark, nil)),
		"Lookup": second(alice.Lookup(t.Context(), mark)), "Verify": alice.Verify(mark, mark),
		"changed": &e2ee.IdentityChangedError{Name: mark},
	} {
		if err == nil || strings.Contains(err.Error(), mark) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

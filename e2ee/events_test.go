package e2ee_test

import (
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
)

// next reads one event and leaves the loop as how does.
func next(t *testing.T, r *e2ee.Room, how string) (got e2ee.Event) {
	t.Helper()
	defer func() { _ = recover() }()
	n := 0
	for ev, err := range r.Events(t.Context()) {
		must(t, err)
		if n++; n > 1 {
			return got // the body ended; this one is acknowledged too
		}
		got = ev
		switch how {
		case "break":
		case "return":
			return got
		case "panic":
			panic("the application's")
		}
		break
	}
	return got
}

// TestEventsAreAcknowledged leaves loops in every way.
func TestEventsAreAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		synctest.Wait()
		pending(t, c.rooms[1])
		for _, text := range []string{"1", "2", "3"} {
			send(t, c.rooms[0], text)
			until[e2ee.Sent](t, c.rooms[0], nil)
		}
		synctest.Wait()
		for _, step := range []struct{ how, want string }{
			{"panic", "1"}, {"panic", "1"}, {"crash", ""}, {"break", "1"}, {"crash", ""}, {"return", "2"}, {"restart", ""}, {"panic", "3"}, {"break", "3"},
		} {
			switch step.how {
			case "crash":
				c.reopen(1, (*person).crash)
			case "restart":
				c.reopen(1, (*person).restart)
			default:
				if m, ok := next(t, c.rooms[1], step.how).(e2ee.Message); !ok || string(m.Text) != step.want {
					t.Fatalf("by %s the event is %+v, want %s", step.how, m, step.want)
				}
			}
		}
		if left := pending(t, c.rooms[1]); len(left) != 0 {
			t.Errorf("left are %+v", left)
		}
	})
}

func TestEventsHasOneReader(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			var last error
			for _, err := range c.rooms[0].Events(ctx) {
				last = err
			}
			done <- last
		}()
		synctest.Wait()
		for _, err := range c.rooms[0].Events(t.Context()) {
			if !errors.Is(err, e2ee.ErrReading) {
				t.Errorf("a second reader: %v, want ErrReading", err)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the first ends with %v", err)
		}
		send(t, c.rooms[1], "to the next reader")
		untilText(t, c.rooms[0], "to the next reader")
	})
}

// person with everything set, for round trips.
var somebody = e2ee.Person{
	Name: "zoë <&>\u2028", Identity: group.IdentityKey{1}, Fingerprint: group.Fingerprint{2},
	Membership: group.Membership{3}, Index: 255, Admin: true,
}

// TestEventRecords takes every type of event, with every reason, through the
// store's form and back.
func TestEventRecords(t *testing.T) {
	far := time.Unix(1<<40, 0) // what a stranger may claim, beyond JSON's years
	full := []e2ee.Event{
		e2ee.Entered{Epoch: 1 << 63}, e2ee.Waiting{}, e2ee.Message{From: somebody, ID: e2ee.MessageID{4}, Text: []byte{0, 255}, SentAt: far},
		e2ee.Message{Text: []byte{}, SentAt: time.Unix(0, 0)},
		e2ee.Sent{ID: e2ee.MessageID{5}}, e2ee.Joined{Who: somebody, By: somebody}, e2ee.Left{Who: somebody, You: true},
		e2ee.Removed{Who: somebody, By: somebody, Banned: true, You: true}, e2ee.PolicyChanged{By: somebody, Rotated: true},
	}
	for _, reason := range e2ee.Reasons {
		full = append(full,
			e2ee.JoinFailed{Reason: reason}, e2ee.NotSent{ID: e2ee.MessageID{6}, Reason: reason},
			e2ee.Undecryptable{From: somebody, Reason: reason}, e2ee.Refused{Seq: 1 << 63, Reason: reason},
			e2ee.Warning{Reason: reason, Who: somebody, Gap: e2ee.Gap{Generations: 1, Previous: true, Ahead: 2}})
	}
	seen := make(map[reflect.Type]bool)
	for _, ev := range full {
		seen[reflect.TypeOf(ev)] = true
		raw, err := e2ee.MarshalEvent(ev)
		must(t, err)
		if back, err := e2ee.ParseEvent(raw); err != nil || !reflect.DeepEqual(back, ev) {
			t.Errorf("%+v comes back as %+v, %v", ev, back, err)
		}
	}
	for _, zero := range e2ee.EventTypes {
		if !seen[reflect.TypeOf(zero)] {
			t.Errorf("%T is not in this test", zero)
		}
	}
	for name := range typesWith(t, "events.go", "isEvent") {
		if !slices.ContainsFunc(e2ee.EventTypes, func(ev e2ee.Event) bool { return reflect.TypeOf(ev).Name() == name }) {
			t.Errorf("%s cannot be stored", name)
		}
	}
	wrapped, err := e2ee.MarshalEvent(e2ee.Refused{Reason: errors.Join(group.ErrFull)})
	must(t, err)
	if back, err := e2ee.ParseEvent(wrapped); err != nil || back != e2ee.Event(e2ee.Refused{Reason: group.ErrFull}) {
		t.Errorf("a wrapped reason comes back as %+v, %v", back, err)
	}
	strange, err := e2ee.MarshalEvent(e2ee.Refused{Reason: errors.New("of nobody's")})
	must(t, err)
	if back, err := e2ee.ParseEvent(strange); err != nil || back != e2ee.Event(e2ee.Refused{Reason: e2ee.ErrState}) {
		t.Errorf("an unknown reason comes back as %+v, %v", back, err)
	}
}

func TestEventRecordsDamaged(t *testing.T) {
	for _, raw := range []string{
		``, `null`, `{}`, `[]`, `{"Type":"Nothing","Fields":{}}`, `{"Type":"Entered"}`, `{"Type":"Entered","Fields":null}`,
		`{"Type":"Entered","Fields":{"Epoch":1},"Reason":"group: malformed frame"}`, // it has no Reason
		`{"Type":"Refused","Fields":{"Seq":1,"Reason":null}}`,                       // and this one needs one
		`{"Type":"Refused","Fields":{"Seq":1,"Reason":null},"Reason":"no such"}`,
		`{"Type":"Refused","Fields":{"Seq":1,"Reason":{}},"Reason":"group: malformed frame"}`,
		`{"Type":"Entered","Fields":{"Epoch":1,"Epoch":2}}`, `{"Type":"Entered","Fields":{"epoch":1}}`,
		`{"Type":"Entered","Fields":{"Epoch":1}} `, `{"Type":"Sent","Fields":{"ID":[1]}}`,
	} {
		if ev, err := e2ee.ParseEvent([]byte(raw)); !errors.Is(err, e2ee.ErrState) || ev != nil {
			t.Errorf("%s gives %+v, %v, want ErrState", raw, ev, err)
		}
	}
	if _, err := json.Marshal(e2ee.Warning{Reason: e2ee.ErrGap}); err != nil {
		t.Errorf("an application cannot log a warning: %v", err)
	}
}

// typesWith finds the types of a file that have a method.
func typesWith(t *testing.T, file, method string) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	must(t, err)
	out := make(map[string]bool)
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == method {
			out[f.Recv.List[0].Type.(*ast.Ident).Name] = true
		}
	}
	return out
}

// sentinels finds the texts of errors.New in the var blocks of a file, of all
// of them or of those whose comment begins with block.
func sentinels(t *testing.T, file, block string) (out []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	must(t, err)
	for _, d := range parsed.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR || block != "" && len(gen.Doc.Text()) < len(block) || block != "" && gen.Doc.Text()[:len(block)] != block {
			continue
		}
		ast.Inspect(gen, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				must(t, err)
				out = append(out, text)
			}
			return true
		})
	}
	if len(out) < 8 {
		t.Fatalf("%s has %d errors: the test reads it wrongly", file, len(out))
	}
	return out
}

func TestEveryReasonCanBeStored(t *testing.T) {
	var inner, outer []string
	for _, err := range group.Reasons() {
		inner = append(inner, err.Error())
	}
	for _, err := range e2ee.Reasons {
		outer = append(outer, err.Error())
	}
	for _, text := range sentinels(t, "group/errors.go", "") {
		if !slices.Contains(inner, text) {
			t.Errorf("group.Reasons lacks %q", text)
		}
	}
	for _, text := range append(sentinels(t, "errors.go", "Reasons of a [Warning]"), inner...) {
		if !slices.Contains(outer, text) {
			t.Errorf("no event can carry %q", text)
		}
	}
	slices.Sort(outer)
	if len(slices.Compact(slices.Clone(outer))) != len(outer) {
		t.Error("two reasons have the same text")
	}
}

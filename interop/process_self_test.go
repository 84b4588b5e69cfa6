package interop_test

import (
	"strings"
	"testing"
	"time"
)

// These tests are of the harness: a helper that fails must say so, and in time.

func TestProcessThatEnds(t *testing.T) {
	p, err := startProcess("shortlived", patience, "sh", "-c", "echo first; echo the reason >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.ask(nil); err != nil || string(got) != "first" {
		t.Fatalf("%q, %v", got, err)
	}
	for range 2 {
		_, err := p.ask([]byte("hello"))
		wantWords(t, err, "shortlived", "exit status 3", "the reason")
	}
	wantWords(t, p.close(), "exit status 3")
}

func TestProcessThatHangs(t *testing.T) {
	p, err := startProcess("sleeper", 200*time.Millisecond, "sh", "-c", "echo zzz >&2; exec sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	large := []byte(strings.Repeat("x", 1<<20)) // more than a pipe holds
	_, err = p.ask(large)
	wantWords(t, err, "sleeper", "no answer in 200ms", "zzz")
}

func TestProcessThatIsNotThere(t *testing.T) {
	_, err := startPeer("nobody", "no-such-program-anywhere")
	wantWords(t, err, "nobody", "no-such-program-anywhere")
	_, err = startShell("nobody", "no-such-program-anywhere", "version")
	wantWords(t, err, "nobody", "not found")
}

func TestPeerThatTalksNonsense(t *testing.T) {
	_, err := startPeer("babbler", "sh", "-c", "echo bla bla")
	wantWords(t, err, "babbler", "bla bla")

	p, err := startPeer("babbler", "sh", "-c", `echo '{"result":"1.0"}'; read x; echo bla; read x; echo '{"error":"my mistake"}'; read x; echo '{"result":7}'; read x; echo '{"refused":"no"}'`)
	if err != nil {
		t.Fatal(err)
	}
	var got octets
	for _, want := range []string{"bla", "my mistake", "cannot unmarshal"} {
		_, err := p.call("op", nil, &got)
		wantWords(t, err, "babbler", "op", want)
	}
	if refused, err := p.call("op", nil, &got); refused != "no" || err != nil {
		t.Errorf("%q, %v", refused, err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestTailIsBounded(t *testing.T) {
	var words tail
	for range 1000 {
		words.Write([]byte(strings.Repeat("x", 100)))
	}
	words.Write([]byte("the end"))
	if got := words.String(); len(got) != tailSize || !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes, ending %q", len(got), got[len(got)-20:])
	}
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden transcript")

var (
	hexBytes = regexp.MustCompile(`\b[0-9a-f]{2}( [0-9a-f]{2})+\b`)
	digits   = regexp.MustCompile(`[0-9]+`)
)

// mask hides what differs from run to run.
func mask(s string) string {
	return digits.ReplaceAllString(hexBytes.ReplaceAllString(s, "HEX"), "N")
}

func TestTranscript(t *testing.T) {
	var out bytes.Buffer
	if err := play(t.Context(), &printer{w: &out}); err != nil {
		t.Fatal(err)
	}
	got := mask(out.String())
	const golden = "testdata/transcript.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Fatal(diff)
	}
}

// TestNumbersAgree looks at what the golden file masks.
func TestNumbersAgree(t *testing.T) {
	var out bytes.Buffer
	if err := play(t.Context(), &printer{w: &out}); err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`(safety number|authenticator)[^:]*: ((?:[0-9]{5} ?){12})\n`)
	found := number.FindAllStringSubmatch(out.String(), -1)
	if len(found) != 4 {
		t.Fatalf("found %d numbers", len(found))
	}
	if found[0][2] != found[1][2] || found[2][2] != found[3][2] || found[0][2] == found[2][2] {
		t.Fatal("the numbers do not agree as they should")
	}
}

// TestProofCanFail holds that the last line is no mere claim.
func TestProofCanFail(t *testing.T) {
	op := newOperator(&printer{w: &bytes.Buffer{}})
	op.frames = [][]byte{[]byte("xx Test message xx")}
	if op.prove([][]byte{[]byte("Test message")}) == nil {
		t.Fatal("a plaintext on the relay was not noticed")
	}
}

func TestConverse(t *testing.T) {
	var out bytes.Buffer
	script := strings.Join([]string{
		"hello", "/as bob", "hi there", "/members", "/safety", "/nonsense", "/as nobody", "/as You", "/leave", "/as bob", "/leave", "/quit",
	}, "\n")
	if err := converse(t.Context(), &printer{w: &out}, bufio.NewScanner(strings.NewReader(script)), "You"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"relay | You joined room Secure", "relay | Bob joined room Secure",
		"relay | Relayed encrypted message in room Secure from You",
		"safety number with Bob", "authenticator of epoch",
		"nobody here is called that", help, "You (admin)",
		"Bob   | [You] was the last one in the room; it is gone.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the transcript lacks %q:\n%s", want, out.String())
		}
	}
}

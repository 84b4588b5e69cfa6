package envelope_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/parley-e2ee/parley/envelope"
)

const (
	begin = "-----BEGIN PARLEY ENVELOPE-----"
	end   = "-----END PARLEY ENVELOPE-----"
)

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*31 + i>>8)
	}
	return b
}

var armorSizes = []int{1, 2, 3, 47, 48, 49, 95, 96, 97, 1000, 24574, 24575, 24576, 24577, 100_000}

// TestArmorIsPEM holds the text form to encoding/pem, in both directions.
func TestArmorIsPEM(t *testing.T) {
	for _, n := range armorSizes {
		text := envelope.Armor(pattern(n))
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "PARLEY ENVELOPE" || len(rest) > 0 || !bytes.Equal(block.Bytes, pattern(n)) {
			t.Fatalf("%d bytes: encoding/pem reads something else", n)
		}
		if want := pem.EncodeToMemory(block); !bytes.Equal(text, want) {
			t.Fatalf("%d bytes: encoding/pem writes something else", n)
		}
		got, err := envelope.Dearmor(text)
		if err != nil || !bytes.Equal(got, pattern(n)) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// TestArmorStreams writes and reads in pieces of every kind.
func TestArmorStreams(t *testing.T) {
	for _, n := range armorSizes {
		for _, piece := range []int{1, 7, 48, 1000, 50_000} {
			var text bytes.Buffer
			w := envelope.NewArmorWriter(&text)
			for rest := pattern(n); len(rest) > 0; {
				m := min(piece, len(rest))
				if k, err := w.Write(rest[:m]); k != m || err != nil {
					t.Fatal(k, err)
				}
				rest = rest[m:]
			}
			if err := errors.Join(w.Close(), w.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte{1}); err != envelope.ErrClosed {
				t.Fatalf("after Close: %v", err)
			}
			if !bytes.Equal(text.Bytes(), envelope.Armor(pattern(n))) {
				t.Fatalf("%d bytes in pieces of %d", n, piece)
			}
			if err := iotest.TestReader(envelope.NewArmorReader(iotest.HalfReader(&text)), pattern(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestArmorFreedoms(t *testing.T) {
	text := string(envelope.Armor(pattern(100)))
	for name, text := range map[string]string{
		"CRLF":                text2crlf(text),
		"no line end":         strings.TrimSuffix(text, "\n"),
		"CRLF, no line end":   strings.TrimSuffix(text2crlf(text), "\r\n"),
		"LF, as it is":        text,
		"a line that is full": string(envelope.Armor(pattern(96))),
	} {
		if _, err := envelope.Dearmor([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func text2crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestArmorRefused(t *testing.T) {
	line := strings.Repeat("QUFB", 16)
	wrap := func(lines ...string) string { return begin + "\n" + strings.Join(lines, "\n") + "\n" + end + "\n" }
	text := string(envelope.Armor(pattern(100)))
	for name, text := range map[string]string{
		"nothing":                    "",
		"an envelope":                magic + strings.Repeat("x", 100),
		"empty":                      begin + "\n" + end + "\n",
		"empty line":                 wrap("", "QUFB"),
		"empty line in between":      wrap(line, "", "QUFB"),
		"empty last line":            wrap(line, ""),
		"short line in between":      wrap("QUFB", line),
		"long line":                  wrap(line+"QUFB", "QUFB"),
		"very long line":             wrap(strings.Repeat(line, 2000)),
		"padding in between":         wrap(strings.Repeat("QUFB", 15)+"QUE=", "QUFB"),
		"padding in the line":        wrap("QUE=QUFB"),
		"no padding":                 wrap("QUE"),
		"too much padding":           wrap("QUFB===="),
		"loose bits":                 wrap("QUF="),
		"base64url":                  wrap("QUF_"),
		"space":                      wrap("QUFB "),
		"leading space":              wrap(" QUFB"),
		"carriage return inside":     wrap("QU\rFB"),
		"header":                     wrap("Version: 1", "", "QUFB"),
		"text before":                "x\n" + text,
		"line before":                "\n" + text,
		"byte order mark":            "\ufeff" + text,
		"text behind":                text + "x",
		"line behind":                text + "\n",
		"twice":                      text + text,
		"another label":              strings.ReplaceAll(text, "PARLEY ENVELOPE", "MESSAGE"),
		"another label at the end":   begin + "\nQUFB\n-----END MESSAGE-----\n",
		"no end":                     begin + "\nQUFB\n",
		"end cut":                    strings.TrimSuffix(text, "-\n"),
		"begin alone":                begin,
		"begin and line":             begin + "\n",
		"CRLF and LF":                strings.Replace(text, "\n", "\r\n", 1),
		"LF and CRLF":                begin + "\nQUFB\r\n" + end + "\n",
		"end with a carriage return": strings.TrimSuffix(text, "\n") + "\r",
	} {
		sealed, err := envelope.Dearmor([]byte(text))
		if sealed != nil || !errors.Is(err, envelope.ErrArmor) || !errors.Is(err, envelope.ErrEnvelope) {
			t.Errorf("%s: %x, %v", name, sealed, err)
		}
		r := envelope.NewArmorReader(iotest.OneByteReader(strings.NewReader(text)))
		_, err = io.ReadAll(r)
		_, again := r.Read(make([]byte, 1))
		if !errors.Is(err, envelope.ErrArmor) || again != err {
			t.Errorf("%s, by the byte: %v, and then %v", name, err, again)
		}
	}
}

func TestArmorErrorsOfOthers(t *testing.T) {
	broken := errors.New("broken")
	text := envelope.Armor(pattern(1000))
	for n := range len(text) {
		r := envelope.NewArmorReader(io.MultiReader(bytes.NewReader(text[:n]), iotest.ErrReader(broken)))
		if _, err := io.ReadAll(r); err != broken {
			t.Fatalf("source that breaks at %d: %v", n, err)
		}
	}
	for n := range 3 {
		w := envelope.NewArmorWriter(&failingWriter{left: n * 1000, err: broken})
		for range 10 {
			w.Write(pattern(20_000))
		}
		if _, err := w.Write(nil); err != broken {
			t.Errorf("destination that breaks at %d: %v", n*1000, err)
		}
		if err := w.Close(); err != broken {
			t.Errorf("Close: %v", err)
		}
	}
}

// failingWriter takes some bytes and then fails.
type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, w.err
	}
	w.left -= len(p)
	return len(p), nil
}

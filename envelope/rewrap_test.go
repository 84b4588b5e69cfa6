package envelope_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// TestRewrapRemove: who is removed has to be there, and hidden recipients cannot be
// named.
func TestRewrapRemove(t *testing.T) {
	skipWithoutEnvelopes(t)
	a, b := sharedMember(), sharedNumber(1)
	for _, hide := range []bool{false, true} {
		sealed := must(envelope.Seal(message(5), &envelope.Options{HideRecipients: hide}, a.Recipient(), b.Recipient()))
		for name, test := range map[string]struct {
			opts *envelope.RewrapOptions
			want error // where not hidden
		}{
			"one":       {&envelope.RewrapOptions{Remove: []envelope.KeyID{b.Recipient().KeyID()}}, nil},
			"a zero ID": {&envelope.RewrapOptions{Remove: []envelope.KeyID{{}}}, envelope.ErrNotRecipient},
			"stranger":  {&envelope.RewrapOptions{Remove: []envelope.KeyID{sharedNumber(7).Recipient().KeyID()}}, envelope.ErrNotRecipient},
		} {
			want := test.want
			if hide {
				want = envelope.ErrNotRecipient
			}
			var out bytes.Buffer
			if err := envelope.Rewrap(&out, bytes.NewReader(sealed), test.opts, a); !errors.Is(err, want) || want != nil && out.Len() > 0 {
				t.Errorf("%s, hidden %v: %v", name, hide, err)
			}
			if want == nil {
				must(envelope.Open(out.Bytes(), nil, a))
				if _, err := envelope.Open(out.Bytes(), nil, b); !errors.Is(err, envelope.ErrNoMatch) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		var all bytes.Buffer
		if err := envelope.Rewrap(&all, bytes.NewReader(sealed), nil, a, sharedNumber(2).Recipient()); err != nil {
			t.Fatal(err)
		}
		for _, id := range []*envelope.Identity{a, b, sharedNumber(2)} {
			must(envelope.Open(all.Bytes(), nil, id))
		}
	}
}

// TestRewrapInPlace: a file cannot be its own copy.
func TestRewrapInPlace(t *testing.T) {
	skipWithoutEnvelopes(t)
	path := filepath.Join(t.TempDir(), "envelope")
	sealed := must(envelope.Seal(message(100_000), nil, sharedMember().Recipient()))
	if err := os.WriteFile(path, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	src := must(os.Open(path))
	defer src.Close()
	dst := must(os.OpenFile(path, os.O_WRONLY, 0))
	defer dst.Close()
	if err := envelope.Rewrap(dst, src, nil, sharedMember(), sharedNumber(1).Recipient()); err != os.ErrExist {
		t.Errorf("in place: %v", err)
	}
	if now := must(os.ReadFile(path)); !bytes.Equal(now, sealed) {
		t.Error("the file has changed")
	}
	other := must(os.Create(path + "2"))
	defer other.Close()
	if err := envelope.Rewrap(other, src, nil, sharedMember(), sharedNumber(1).Recipient()); err != nil {
		t.Error(err)
	}
}

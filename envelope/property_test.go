package envelope_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/internal/proptest"
)

// edges are the lengths at which something changes.
var edges = []int{
	0, 1, 15, 16, 17, 111, 112, 113, chunk - 16, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 2*chunk + 1,
	4*chunk - 1, 4 * chunk, 4*chunk + 57, 5*chunk + 9,
}

// A variant is how something is sealed.
type variant struct {
	signed, hidden, metadata, associated bool
}

func (v variant) options() (*envelope.Options, *envelope.OpenOptions) {
	seal, open := &envelope.Options{HideRecipients: v.hidden}, &envelope.OpenOptions{}
	if v.signed {
		seal.Signer, open.Senders = alice, fromAlice
	}
	if v.metadata {
		seal.Metadata = []byte("plan.txt")
	}
	if v.associated {
		seal.AssociatedData = []byte("account 7")
		open.AssociatedData = seal.AssociatedData
	}
	return seal, open
}

func variants() (all []variant) {
	for i := range 16 {
		all = append(all, variant{i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0})
	}
	return all
}

// holds opens an envelope in all ways and holds all that is known of it.
func (v variant) holds(t *testing.T, sealed, msg []byte, through []way, id *envelope.Identity) {
	t.Helper()
	seal, open := v.options()
	for _, w := range through {
		if got, err := w.open(sealed, open, id); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("%+v, %s of %d bytes: %d bytes, %v", v, w.name, len(msg), len(got), err)
		}
	}
	m, err := envelope.OpenMessage(sealed, open, id)
	if err != nil || !bytes.Equal(m.Metadata, seal.Metadata) || v.signed != m.Sender.Equal(fromAlice[0]) || v.signed != (m.Sender != nil) {
		t.Errorf("%+v: %v, %v", v, m, err)
	}
	info := must(envelope.Inspect(iotest.OneByteReader(bytes.NewReader(sealed))))
	if info.Signed != v.signed || !bytes.Equal(info.Metadata, seal.Metadata) || info.ID != m.ID {
		t.Errorf("%+v: Inspect says %v", v, info)
	}
	if n, err := info.PlaintextSize(int64(len(sealed))); n != int64(len(msg)) || err != nil {
		t.Errorf("plaintext of %d bytes is of %d: %v", len(msg), n, err)
	}
}

// TestIdentity: what is sealed opens, for every length, key and choice.
func TestIdentity(t *testing.T) {
	skipWithoutEnvelopes(t)
	for j, v := range variants() {
		for i, n := range edges {
			if testing.Short() && (i+j)%3 != 0 {
				continue
			}
			id, through := sharedMember(), ways
			if i%4 == 0 {
				through = allWays
			}
			seal, _ := v.options()
			msg := message(n)
			sealed := must(envelope.Seal(msg, seal, id.Recipient()))
			v.holds(t, sealed, msg, through, id)
			if size, err := envelope.SealedSize(int64(n), seal, id.Recipient()); size != int64(len(sealed)) || err != nil {
				t.Errorf("%+v, %d bytes: size %d, is %d: %v", v, n, size, len(sealed), err)
			}
		}
	}
}

// TestIdentityOfEveryKey: the same for every kind of recipient.
func TestIdentityOfEveryKey(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, who := range cast() {
		for i, v := range variants() {
			if testing.Short() && i%5 != 0 {
				continue
			}
			seal, _ := v.options()
			msg := message(edges[i])
			var streamed bytes.Buffer
			w := must(envelope.NewWriter(&streamed, seal, who.Recipient()))
			must(w.Write(msg))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			v.holds(t, streamed.Bytes(), msg, ways[:2], who.Identity)
			if size, err := envelope.SealedSize(int64(len(msg)), seal, who.Recipient()); size != int64(streamed.Len()) || err != nil {
				t.Errorf("%s: size %d, is %d: %v", who.name, size, streamed.Len(), err)
			}
			again := must(envelope.Remarshal(streamed.Bytes()))
			if !bytes.HasPrefix(streamed.Bytes(), again) {
				t.Errorf("%s: another encoding of the header", who.name)
			}
		}
	}
}

// feed writes msg in calls of every kind, chosen by r.
func feed(w *envelope.Writer, msg []byte, r *rand.Rand) error {
	for len(msg) > 0 {
		n := min(len(msg), []int{1, 17, 1000, chunk - 1, chunk, 3 * chunk}[r.IntN(6)])
		part := msg[:n]
		msg = msg[n:]
		var err error
		switch r.IntN(5) {
		case 0:
			_, err = w.Write(part)
		case 1:
			_, err = w.WriteString(string(part))
		case 2:
			_, err = w.ReadFrom(iotest.OneByteReader(bytes.NewReader(part)))
		case 3:
			_, err = w.ReadFrom(iotest.DataErrReader(bytes.NewReader(part)))
		case 4:
			_, err = io.Copy(w, iotest.HalfReader(bytes.NewReader(part)))
		}
		if err != nil {
			return err
		}
	}
	return w.Close()
}

// TestStreams: a Writer in any split of calls makes what every way of opening
// opens.
func TestStreams(t *testing.T) {
	skipWithoutEnvelopes(t)
	properties := proptest.New(t, 60, 15)
	properties.Property("open after seal is the identity", prop.ForAll(func(n, choice, concurrency int, seed int64) string {
		v := variants()[choice]
		seal, open := v.options()
		seal.Concurrency, open.Concurrency = concurrency, concurrency
		msg := message(n)
		var sealed bytes.Buffer
		w := must(envelope.NewWriter(&sealed, seal, sharedMember().Recipient()))
		if err := feed(w, msg, rand.New(rand.NewPCG(uint64(seed), 0))); err != nil {
			return err.Error()
		}
		for _, way := range allWays {
			if got, err := way.open(sealed.Bytes(), open, sharedMember()); err != nil || !bytes.Equal(got, msg) {
				return fmt.Sprintf("%s: %d bytes, %v", way.name, len(got), err)
			}
		}
		return ""
	}, gen.IntRange(0, 6*chunk), gen.IntRange(0, 15), gen.IntRange(-1, 4), gen.Int64()))
	properties.TestingRun(t)
}

// TestReaderAtIsTheSlice: every range of a ReaderAt, and whatever is read after a
// Seek, is that of the plaintext.
func TestReaderAtIsTheSlice(t *testing.T) {
	skipWithoutEnvelopes(t)
	msg := message(5*chunk + 77)
	for _, v := range variants()[:2] {
		seal, open := v.options()
		sealed := must(envelope.Seal(msg, seal, sharedMember().Recipient()))
		r := must(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), open, sharedMember()))
		properties := proptest.New(t, 150, 40)
		properties.Property("range", prop.ForAll(func(off, size int) bool {
			want := msg[min(off, len(msg)):min(off+size, len(msg))]
			p := make([]byte, size)
			n, err := r.ReadAt(p, int64(off))
			if !bytes.Equal(p[:n], want) || (err == nil) != (n == size && (size > 0 || off < len(msg))) || err != nil && err != io.EOF {
				return false
			}
			s := io.NewSectionReader(r, 0, r.Size())
			must(s.Seek(int64(off), io.SeekStart))
			got, err := io.ReadAll(io.LimitReader(s, int64(size)))
			return err == nil && bytes.Equal(got, want)
		}, gen.IntRange(0, len(msg)+3), gen.IntRange(0, 3*chunk)))
		properties.TestingRun(t)
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), msg); err != nil {
			t.Error(err)
		}
	}
}

// TestSizes: SealedSize and PlaintextSize are each other's inverse, and refuse the
// same.
func TestSizes(t *testing.T) {
	to := sharedMember().Recipient()
	info := &envelope.Info{HeaderSize: must(envelope.SealedSize(0, nil, to)) - 72}
	properties := proptest.New(t, 1000, 200)
	properties.Property("inverse", prop.ForAll(func(n int64) bool {
		size, err := envelope.SealedSize(n, nil, to)
		if n > envelope.MaxPlaintext {
			return verdict(err) == envelope.ErrLimit
		}
		back, err2 := info.PlaintextSize(size)
		return err == nil && err2 == nil && back == n
	}, gen.OneGenOf(gen.Int64Range(0, 10*chunk), gen.Int64Range(0, envelope.MaxPlaintext), gen.Int64Range(envelope.MaxPlaintext-3, envelope.MaxPlaintext+3))))
	properties.TestingRun(t)
	for _, n := range []int64{-1, -1 << 63, 1<<63 - 1, envelope.MaxPlaintext + 1} {
		_, err := envelope.SealedSize(n, nil, to)
		refused(t, "SealedSize", err, envelope.ErrLimit)
	}
	for _, n := range []int64{-1 << 63, -1, 0, info.HeaderSize, info.HeaderSize + 71, info.HeaderSize + 72 + chunk, 1<<63 - 1} {
		_, err := info.PlaintextSize(n)
		refused(t, fmt.Sprint("PlaintextSize of ", n), err, envelope.ErrPayload)
	}
}

// TestWriteString: it writes what Write does.
func TestWriteString(t *testing.T) {
	skipWithoutEnvelopes(t)
	var sealed bytes.Buffer
	w := must(envelope.NewWriter(&sealed, nil, sharedMember().Recipient()))
	if n, err := w.WriteString(strings.Repeat("parley", 5000)); n != 30000 || err != nil || w.Close() != nil {
		t.Fatal(n, err)
	}
	if got := must(envelope.Open(sealed.Bytes(), nil, sharedMember())); string(got) != strings.Repeat("parley", 5000) {
		t.Error("another text")
	}
}

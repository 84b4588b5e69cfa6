package group_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/internal/proptest"
)

// published is Padmé as the paper writes it, in floating point.
func published(l int) int {
	e := math.Floor(math.Log2(float64(l)))
	s := math.Floor(math.Log2(e)) + 1
	z := math.Pow(2, e-s)
	return int(math.Ceil(float64(l)/z) * z)
}

func TestProperty34_PadmeSizes(t *testing.T) {
	for n, want := range map[int]int{
		0: 64, 1: 64, 63: 64, 64: 64, 65: 72, 72: 72, 73: 80, 127: 128, 128: 128, 129: 144, 200: 208, 256: 256,
		257: 272, 1000: 1024, 1025: 1088, 4097: 4352, 65_536: 65_536, 65_537: 67_584, 100_000: 100_352,
		1_000_000: 1_015_808, group.MaxPlaintext: group.MaxPlaintext, group.MaxPlaintext + 1: 1 << 20,
	} {
		if got := group.Padme(n); got != want {
			t.Errorf("padme(%d) = %d, want %d", n, got, want)
		}
	}
	sizes := make(map[int]bool)
	for n := 65; n <= group.MaxPlaintext; n++ {
		got := group.Padme(n)
		sizes[got] = true
		if got != published(n) {
			t.Fatalf("padme(%d) = %d, the paper has %d", n, got, published(n))
		}
		if got < n || float64(got) > 1.12*float64(n) || group.Padme(got) != got {
			t.Fatalf("padme(%d) = %d", n, got)
		}
	}
	if len(sizes) > 300 {
		t.Fatalf("%d sizes tell too much", len(sizes))
	}
}

// Messages of other lengths make frames of the same length, and nothing is
// compressed.
func TestProperty34_FramesAreBucketed(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	size := func(text []byte) int {
		must2(all[0].Seal([]group.AppMessage{{ID: messageID(), Text: text}}, w.now))
		w.flush(all[0])
		w.read()
		return len(w.log[len(w.log)-1])
	}
	short, long := size(nil), size(make([]byte, 41))
	if short != long || size(make([]byte, 60)) == short {
		t.Fatalf("frames of %d and %d bytes", short, long)
	}
	noise := messageID()
	if size(make([]byte, 5000)) != size(bytes.Repeat(noise[:], 5000/16)) {
		t.Fatal("content shows in the size")
	}
	if want := 36 + 8 + 32 + 1 + 8 + 32 + 40 + 32 + 3 + 64 + fernet.SealedSize(64); short != want {
		t.Fatalf("the smallest frame has %d bytes, want %d", short, want)
	}
}

func TestLargestFrame(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	queue := make([]group.AppMessage, 17)
	for i := range queue {
		queue[i] = group.AppMessage{ID: messageID(), Text: bytes.Repeat([]byte{byte(i)}, group.MaxTextSize)}
	}
	// 15 of the largest fit, and then what is left, to the byte.
	queue[15].Text = queue[15].Text[:group.MaxPlaintext-3-15*(20+group.MaxTextSize)-20]
	if n := must2(all[0].Seal(queue, w.now)); n != 16 {
		t.Fatalf("sealed %d", n)
	}
	w.flush(all[0])
	w.read()
	frame := w.log[len(w.log)-1]
	if len(frame) > group.MaxFrameSize || group.MaxFrameSize-len(frame) > 1<<14 {
		t.Fatalf("the largest frame has %d bytes", len(frame))
	}
	for i, got := range eventsOf[group.Received](all[1]) {
		if !bytes.Equal(got.Text, queue[i].Text) {
			t.Fatalf("text %d differs", i)
		}
	}
	queue[15].Text = append(queue[15].Text, 0)
	if _, n := group.Pack(queue); n != 15 {
		t.Fatalf("packed %d", n)
	}
}

func TestPropertyPackUnpack(t *testing.T) {
	message := gen.Struct(typeOfMessage, map[string]gopter.Gen{
		"Kind": gen.UInt8(),
		"Text": gen.IntRange(0, 1000).Map(func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }),
	})
	properties := proptest.New(t, 100, 20)
	properties.Property("what is packed is unpacked, padded exactly", prop.ForAll(
		func(queue []group.AppMessage) bool {
			for i := range queue {
				queue[i].ID = messageID()
			}
			plaintext, n := group.Pack(queue)
			size := 3
			for _, m := range queue {
				size += 20 + len(m.Text)
			}
			if n != len(queue) || len(plaintext) != group.Padme(size) {
				return false
			}
			got, err := group.Unpack(plaintext)
			return err == nil && slices.EqualFunc(got, queue, sameMessage)
		}, gen.SliceOf(message).SuchThat(func(q []group.AppMessage) bool { return len(q) > 0 })))
	properties.TestingRun(t)
}

var typeOfMessage = reflect.TypeFor[group.AppMessage]()

func sameMessage(a, b group.AppMessage) bool {
	return a.ID == b.ID && a.Kind == b.Kind && bytes.Equal(a.Text, b.Text)
}

// FuzzUnpack holds that what Unpack takes, Pack writes the same.
func FuzzUnpack(f *testing.F) {
	for _, queue := range [][]group.AppMessage{
		{{}},
		{{Kind: 1, Text: []byte("Test message")}, {Kind: 2, Text: []byte("Reply received")}},
		{{Text: make([]byte, 500)}},
	} {
		plaintext, _ := group.Pack(queue)
		f.Add(plaintext)
		f.Add(plaintext[:len(plaintext)-1])
	}
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		messages, err := group.Unpack(plaintext)
		if err != nil {
			return
		}
		if len(plaintext) > group.MaxPlaintext {
			return // no Member packs so much
		}
		again, n := group.Pack(messages)
		if n != len(messages) || !bytes.Equal(again, plaintext) {
			t.Fatalf("%d messages pack to other bytes", len(messages))
		}
	})
}

// TestUnpackCountsMessages holds the limit against a sender that does not.
func TestUnpackCountsMessages(t *testing.T) {
	for n, want := range map[int]error{group.MaxMessages: nil, group.MaxMessages + 1: group.ErrPlaintext} {
		size := 20 * n
		plaintext := make([]byte, group.Padme(3+size))
		plaintext[0], plaintext[1], plaintext[2] = byte(size>>16), byte(size>>8), byte(size)
		messages, err := group.Unpack(plaintext)
		if !errors.Is(err, want) || want == nil && len(messages) != n {
			t.Errorf("%d messages: %d, %v", n, len(messages), err)
		}
	}
}

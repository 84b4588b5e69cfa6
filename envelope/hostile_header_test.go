package envelope_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/internal/alloctest"
)

// openAs is a forgery for the shared key of the cast, with a good MAC and payload,
// that has these stanzas beside the reader's own.
func openAs(beside ...[]byte) []byte {
	f := newForgery()
	f.stanzas = append(slices.Clone(beside), sharedStanza(sharedSecret, f.c(), f.fileKey))
	return f.sort().authenticate().sealPayload(message(7)).bytes()
}

// inThisOrder is the same with nothing but these stanzas, as they come.
func inThisOrder(stanzas ...[]byte) []byte {
	f := newForgery()
	f.stanzas = stanzas
	return f.authenticate().sealPayload(message(7)).bytes()
}

func body(n int) []byte { return message(n + 1)[1:] }

// A shape is a header, and what everybody says of it: nil where it is well-formed.
type shape struct {
	sealed []byte
	want   error
}

func (s shape) hold(t *testing.T, name string) {
	t.Helper()
	for how, src := range map[string]io.Reader{"Inspect": plainSource(s.sealed), "Inspect, by the byte": byByte(s.sealed)} {
		if _, err := envelope.Inspect(src); verdict(err) != s.want {
			t.Errorf("%s: %s: error %v, want %v", name, how, err, s.want)
		}
	}
	if s.want == nil {
		return
	}
	refusedByAll(t, name, s.sealed, nil, nil, sharedMember(), s.want)
	if err := envelope.Rewrap(io.Discard, plainSource(s.sealed), &envelope.RewrapOptions{RemoveAll: true}, sharedMember(), sharedNumber(1).Recipient()); verdict(err) != s.want {
		t.Errorf("%s: Rewrap: error %v, want %v", name, err, s.want)
	}
}

func holdShapes(t *testing.T, all map[string]shape) {
	t.Helper()
	for name, s := range all {
		s.hold(t, name)
	}
}

const startSize = 19 + 1 + 32 + 2

// rawHeader has any bytes behind the preamble.
func rawHeader(flags byte, rest ...byte) []byte {
	f := newForgery()
	f.flags = flags
	return append(f.start(), rest...)
}

// TestHostileStart: checks 1 to 3, and their order.
func TestHostileStart(t *testing.T) {
	skipWithoutEnvelopes(t)
	good := openAs()
	all := map[string]shape{
		"good":                          {good, nil},
		"nothing":                       {nil, envelope.ErrTruncated},
		"another magic":                 {[]byte("parley-envelope/v2\n" + strings.Repeat("x", 200)), envelope.ErrNotEnvelope},
		"half of another magic":         {[]byte("parlez"), envelope.ErrNotEnvelope},
		"CRLF":                          {[]byte("parley-envelope/v1\r\n"), envelope.ErrNotEnvelope},
		"armor":                         {envelope.Armor(good), envelope.ErrNotEnvelope},
		"begin of armor":                {[]byte("-----"), envelope.ErrNotEnvelope},
		"flag, and no more":             {rawHeader(2)[:20], envelope.ErrVersion},
		"signed, with another flag":     {rawHeader(0x81, 0, 0, 1, 9), envelope.ErrVersion},
		"flag before the length":        {rawHeader(4, 0xff, 0xff, 0xff), envelope.ErrVersion},
		"no stanzas":                    {inThisOrder(), envelope.ErrMalformed},
		"no stanzas, and no more":       {rawHeader(0, 0, 0, 0), envelope.ErrMalformed},
		"stanzas at the limit":          {rawHeader(0, 0x69, 0x40, 0x00), envelope.ErrTruncated},
		"stanzas above the limit":       {rawHeader(0, 0x69, 0x40, 0x01), envelope.ErrLimit},
		"stanzas far above the limit":   {rawHeader(0, 0xff, 0xff, 0xff), envelope.ErrLimit},
		"stanzas of one byte":           {inThisOrder([]byte{3}), envelope.ErrMalformed},
		"of a type that is not there":   {rawHeader(0, 0, 0, 2, 9), envelope.ErrTruncated},
		"metadata longer than all":      {slices.Concat(good[:52], []byte{0xff, 0xff}, good[54:]), envelope.ErrTruncated},
		"unknown type, no MAC":          {rawHeader(0, 0, 0, 1, 9), envelope.ErrVersion},
		"malformed stanza, no MAC":      {rawHeader(0, 0, 0, 1, 3), envelope.ErrMalformed},
		"well-formed, no MAC":           {good[:startSize+3+116], envelope.ErrTruncated},
		"well-formed, a MAC cut by one": {good[:startSize+3+116+31], envelope.ErrTruncated},
		"well-formed, a MAC":            {good[:startSize+3+116+32], nil},
	}
	for bit := 1; bit < 8; bit++ {
		all[fmt.Sprint("flag ", bit)] = shape{append(rawHeader(1<<bit), good[startSize:]...), envelope.ErrVersion}
	}
	holdShapes(t, all)
}

// TestHostileStanzas: checks 4, 5 and 7, with good MACs.
func TestHostileStanzas(t *testing.T) {
	skipWithoutEnvelopes(t)
	id, other := body(32), body(64)[32:]
	all := map[string]shape{
		"key ID of 31 bytes":         {openAs(encodeStanza(3, id[:31], body(80))), envelope.ErrMalformed},
		"key ID of 33 bytes":         {openAs(encodeStanza(3, body(33), body(80))), envelope.ErrMalformed},
		"key ID of 1 byte":           {openAs(encodeStanza(3, id[:1], body(80))), envelope.ErrMalformed},
		"key ID of 255 bytes":        {openAs(encodeStanza(1, body(255), body(256))), envelope.ErrMalformed},
		"passphrase with a key ID":   {inThisOrder(encodeStanza(4, id, argon(1, 8, 1))), envelope.ErrMalformed},
		"key ID behind the end":      {inThisOrder([]byte{3, 32, 1, 2, 3}), envelope.ErrMalformed},
		"key ID to the end":          {inThisOrder(append([]byte{3, 32}, id...)), envelope.ErrMalformed},
		"half a body length":         {inThisOrder(append([]byte{3, 32}, append(id, 0)...)), envelope.ErrMalformed},
		"type and nothing else":      {inThisOrder(encodeStanza(3, id, body(80)), []byte{4}), envelope.ErrMalformed},
		"unknown type, nothing else": {inThisOrder(encodeStanza(3, id, body(80)), []byte{5}), envelope.ErrVersion},
		"body behind the end":        {inThisOrder(encodeStanza(3, id, body(80))[:115]), envelope.ErrMalformed},
		"body of 65535":              {inThisOrder(append([]byte{1, 0, 0xff, 0xff}, body(1000)...)), envelope.ErrMalformed},
		"twice":                      {inThisOrder(encodeStanza(3, id, body(80)), encodeStanza(3, id, body(80))), envelope.ErrMalformed},
		"one key ID twice":           {openAs(encodeStanza(3, id, body(80)), encodeStanza(3, id, body(81)[1:])), envelope.ErrMalformed},
		"hidden twice":               {inThisOrder(encodeStanza(3, nil, body(80)), encodeStanza(3, nil, body(80))), envelope.ErrMalformed},
		"one key ID, two types":      {openAs(encodeStanza(1, id, body(256)), encodeStanza(3, id, body(80))), nil},
		"and nothing else":           {inThisOrder(encodeStanza(1, id, body(256)), encodeStanza(3, id, body(80))), nil},
		"hidden beside named":        {openAs(encodeStanza(3, nil, body(80)), encodeStanza(3, id, body(80))), nil},
		"passphrase beside others":   {openAs(encodeStanza(4, nil, argon(1, 8, 1))), envelope.ErrMalformed},
		"two passphrases":            {inThisOrder(encodeStanza(4, nil, argon(1, 8, 1)), encodeStanza(4, nil, argon(2, 8, 1))), envelope.ErrMalformed},
		"descending": {
			inThisOrder(encodeStanza(3, slices.MaxFunc([][]byte{id, other}, bytes.Compare), body(80)),
				encodeStanza(3, slices.MinFunc([][]byte{id, other}, bytes.Compare), body(80))), envelope.ErrMalformed,
		},
	}
	for _, typ := range []byte{0, 5, 6, 0x80, 0xff} {
		all[fmt.Sprint("type ", typ)] = shape{openAs(encodeStanza(typ, id, body(80))), envelope.ErrVersion}
	}
	good := map[byte][]int{1: {256, 257, 384, 1024}, 2: {1392, 1520, 1648}, 3: {80}}
	for typ, sizes := range good {
		for _, n := range []int{0, 1, 47, 48, 79, 80, 81, 90, 255, 256, 257, 384, 1024, 1025, 1391, 1392, 1393, 1519, 1520, 1521, 1647, 1648, 1649, 2048, 65535} {
			s := shape{openAs(encodeStanza(typ, id, body(n))), envelope.ErrMalformed}
			if slices.Contains(sizes, n) {
				s.want = nil
			}
			all[fmt.Sprintf("type %d, %d bytes", typ, n)] = s
		}
	}
	holdShapes(t, all)
}

// argon is a body with parameters and nothing that opens.
func argon(time, memory uint32, parallelism byte) []byte {
	return stretched(1, time, memory, parallelism)
}

func stretched(kdf byte, time, memory uint32, parallelism byte) []byte {
	b := []byte{kdf, byte(time >> 24), byte(time >> 16), byte(time >> 8), byte(time)}
	b = append(b, byte(memory>>24), byte(memory>>16), byte(memory>>8), byte(memory), parallelism)
	return append(b, body(80)...)
}

// TestHostileParameters: check 6, at each limit.
func TestHostileParameters(t *testing.T) {
	skipWithoutEnvelopes(t)
	all := map[string]shape{}
	for _, p := range []struct {
		kdf          byte
		time, memory uint32
		lanes        byte
		want         error
	}{
		{0, 1, 8, 1, envelope.ErrVersion}, {3, 1, 8, 1, envelope.ErrVersion}, {255, 0, 0, 0, envelope.ErrVersion},
		{1, 1, 8, 1, nil}, {1, 0, 8, 1, envelope.ErrLimit}, {1, 16, 65_536, 1, nil}, {1, 17, 8, 1, envelope.ErrLimit},
		{1, 1, 7, 1, envelope.ErrLimit}, {1, 1, 15, 2, envelope.ErrLimit}, {1, 1, 16, 2, nil}, {1, 1, 127, 16, envelope.ErrLimit},
		{1, 1, 128, 16, nil}, {1, 1, 136, 17, envelope.ErrLimit}, {1, 1, 1 << 16, 255, envelope.ErrLimit}, {1, 1, 8, 0, envelope.ErrLimit},
		{1, 1, 0, 0, envelope.ErrLimit}, {1, 4, 262_144, 4, nil}, {1, 1, 262_145, 4, envelope.ErrLimit}, {1, 5, 262_144, 4, envelope.ErrLimit},
		{1, 16, 65_537, 4, envelope.ErrLimit}, {1, 1 << 31, 8, 1, envelope.ErrLimit}, {1, 1 << 16, 1 << 16, 1, envelope.ErrLimit},
		{1, 1<<32 - 1, 1<<32 - 1, 255, envelope.ErrLimit}, {1, 16, 1 << 28, 16, envelope.ErrLimit},
		{2, 1, 0, 0, nil}, {2, 10_000_000, 0, 0, nil}, {2, 10_000_001, 0, 0, envelope.ErrLimit}, {2, 0, 0, 0, envelope.ErrLimit},
		{2, 1, 1, 0, envelope.ErrLimit}, {2, 1, 0, 1, envelope.ErrLimit}, {2, 1<<32 - 1, 0, 0, envelope.ErrLimit},
	} {
		all[fmt.Sprint(p)] = shape{inThisOrder(encodeStanza(4, nil, stretched(p.kdf, p.time, p.memory, p.lanes))), p.want}
	}
	for _, n := range []int{1, 10, 42, 80, 89, 91} {
		all[fmt.Sprintf("%d bytes", n)] = shape{inThisOrder(encodeStanza(4, nil, argon(1, 8, 1)[:min(n, 90)])), envelope.ErrMalformed}
	}
	all["91 bytes"] = shape{inThisOrder(encodeStanza(4, nil, append(argon(1, 8, 1), 0))), envelope.ErrMalformed}
	holdShapes(t, all)
}

// TestHostileMany: as many recipients as there may be, and one more.
func TestHostileMany(t *testing.T) {
	skipWithoutEnvelopes(t)
	var most [][]byte
	for i := range envelope.MaxRecipients - 1 {
		most = append(most, encodeStanza(3, append(body(30), byte(i>>8), byte(i)), body(80)))
	}
	if got, err := envelope.Open(openAs(most...), nil, sharedMember()); err != nil || len(got) != 7 {
		t.Errorf("%d recipients: %v", envelope.MaxRecipients, err)
	}
	one := encodeStanza(3, nil, body(80))
	shape{openAs(append(most, one)...), envelope.ErrLimit}.hold(t, "one more")
	shape{openAs(append(most, encodeStanza(0x99, nil, nil))...), envelope.ErrVersion}.hold(t, "one more, unknown")
	shape{openAs(append(most, encodeStanza(4, nil, stretched(1, 0, 0, 0)))...), envelope.ErrLimit}.hold(t, "one more, a passphrase")
}

// TestHostileMemory: lengths are believed as far as there are bytes.
func TestHostileMemory(t *testing.T) {
	skipWithoutEnvelopes(t)
	claims := append(rawHeader(0, 0x69, 0x40, 0x00), body(100)...)
	for name, call := range map[string]func() error{
		"Inspect":  func() error { _, err := envelope.Inspect(bytes.NewReader(claims)); return err },
		"Reader":   func() error { _, err := envelope.NewReader(bytes.NewReader(claims), nil, sharedMember()); return err },
		"Open":     func() error { _, err := envelope.Open(claims, nil, sharedMember()); return err },
		"ReaderAt": func() error { _, err := openAtRandom(claims, nil, sharedMember()); return err },
		"Rewrap": func() error {
			return envelope.Rewrap(io.Discard, bytes.NewReader(claims), &envelope.RewrapOptions{RemoveAll: true}, sharedMember(), sharedNumber(1).Recipient())
		},
	} {
		refused(t, name, call(), envelope.ErrTruncated)
		if n := alloctest.Bytes(func() { _ = call() }); n > 16<<10 {
			t.Errorf("%s takes %d bytes for a header of %d", name, n, len(claims))
		}
	}
}

package e2ee_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/transport"
)

// This file holds spec/export-v1.md to testdata/export-v1.json and both to
// the code. What it writes, it writes by the text of the spec.

const (
	exportVectorFile = "testdata/export-v1.json"
	exportSpecFile   = "../spec/export-v1.md"
)

// exportVector is the worked example: alice of identity-v1.json, who verified
// bob, looked up carol and accepted dave's fingerprint, and is in two rooms.
type exportVector struct {
	Note       string             `json:"note"`
	Passphrase string             `json:"passphrase"`
	Pins       []exportVectorPin  `json:"pins"`
	Rooms      []exportVectorRoom `json:"rooms"`
	Content    hexBytes           `json:"content"`
	Export     hexBytes           `json:"export"`
	identity   specPerson         // alice
	spans      map[string][2]int  // where a part of content is
}

type exportVectorPin struct {
	Name   string   `json:"name"`
	State  uint8    `json:"state"`
	Key    hexBytes `json:"key"` // fingerprint, where the state is 0
	Serial uint64   `json:"serial,omitempty"`
	Bundle hexBytes `json:"bundle_hash,omitempty"`
}

type exportVectorRoom struct {
	ID   hexBytes `json:"id"`
	Name string   `json:"name"`
}

// content writes the content by the spec, and notes where its parts are.
func (v *exportVector) content() (b []byte) {
	v.spans = make(map[string][2]int)
	part := func(name string, value ...[]byte) {
		raw := slices.Concat(value...)
		v.spans[name] = [2]int{len(b), len(b) + len(raw)}
		b = append(b, raw...)
	}
	vec := func(lengthBytes int, value []byte) []byte {
		return append(binary.BigEndian.AppendUint64(nil, uint64(len(value)))[8-lengthBytes:], value...)
	}
	u64 := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	part("version", []byte{1})
	part("name", vec(1, []byte(v.identity.Name)))
	part("seed", v.identity.IdentitySeed)
	part("kem", vec(2, v.identity.KEMPrivate))
	part("serial", u64(v.identity.Serial))
	var pins, rooms []byte
	for _, p := range v.Pins {
		pins = append(append(append(pins, vec(1, []byte(p.Name))...), p.State), p.Key...)
		if p.State > 0 {
			pins = append(append(pins, u64(p.Serial)...), p.Bundle...)
		}
	}
	for _, r := range v.Rooms {
		rooms = append(append(rooms, r.ID...), vec(1, []byte(r.Name))...)
	}
	part("pins", vec(3, pins))
	part("rooms", vec(3, rooms))
	return b
}

func readExportVector(t testing.TB) *exportVector {
	t.Helper()
	raw, err := os.ReadFile(exportVectorFile)
	must(t, err)
	v := &exportVector{}
	must(t, json.Unmarshal(raw, v))
	raw, err = os.ReadFile(specVectorFile)
	must(t, err)
	people := &specVector{}
	must(t, json.Unmarshal(raw, people))
	v.identity = people.People[0]
	return v
}

// TestSpecExportRecord makes the vector anew, where PARLEY_RECORD is set. With
// GODEBUG=fips140=on: PBKDF2 opens in either mode.
func TestSpecExportRecord(t *testing.T) {
	if os.Getenv("PARLEY_RECORD") == "" {
		t.Skip("writes " + exportVectorFile)
	}
	if !fips140.Enabled() {
		t.Fatal("an export made with Argon2id does not open in FIPS 140-3 mode")
	}
	people := readSpecVector(t)
	bundle := sha256.Sum256(people.People[1].Bundle)
	carol, dave := newPerson(t, "carol", transport.NewMemory(nil), nil).Identity(), sha256.Sum256([]byte("dave"))
	carolKey := carol.Public()
	first, second := sha256.Sum256([]byte("a room")), sha256.Sum256([]byte("another room"))
	v := &exportVector{
		Note:       "Worked example of spec/export-v1.md: alice of testdata/vectors/identity-v1.json. All keys are public: never use them.",
		Passphrase: passphrase,
		Pins: []exportVectorPin{
			{"bob", 2, people.People[1].IdentityKey, 2, bundle[:]},
			{"carol", 1, carolKey[:], 0, make([]byte, 32)},
			{"dave", 0, dave[:], 0, nil},
		},
		Rooms:    []exportVectorRoom{{first[:], "Lobby"}, {second[:], "Secure"}},
		identity: people.People[0],
	}
	slices.SortFunc(v.Rooms, func(a, b exportVectorRoom) int { return bytes.Compare(a.ID, b.ID) })
	v.Content = v.content()
	v.Export = sealedAs(t, "parley export v1", v.Content)
	raw, err := json.MarshalIndent(v, "", "  ")
	must(t, err)
	must(t, os.WriteFile(exportVectorFile, append(raw, '\n'), 0o644))
}

// TestSpecExport opens the worked example, derives its content, has the code
// write it again, and imports it.
func TestSpecExport(t *testing.T) {
	v := readExportVector(t)
	if v.Passphrase != passphrase {
		t.Fatal("another passphrase")
	}
	info, err := envelope.Inspect(bytes.NewReader(v.Export))
	must(t, err)
	if string(info.Metadata) != "parley export v1" || info.Signed {
		t.Errorf("metadata is %q", info.Metadata)
	}
	if raw := openedExport(t, v.Export); !bytes.Equal(raw, v.Content) || !bytes.Equal(raw, v.content()) {
		t.Error("the content is not as specified")
	}
	if again, err := e2ee.RewriteExport(v.Content); err != nil || !bytes.Equal(again, v.Content) {
		t.Errorf("the content is written differently, %v", err)
	}
	alice := newDevice(t, v.Export, e2ee.Config{Relay: transport.NewMemory(nil)})
	key := alice.Identity().Public()
	if alice.Name() != "alice" || !bytes.Equal(key[:], v.identity.IdentityKey) {
		t.Errorf("it is %v", alice)
	}
	if !alice.Verified("bob") || alice.Verified("carol") || alice.Verified("dave") {
		t.Error("other people are verified")
	}
	if err := alice.Verify("carol", "0"); !errors.Is(err, e2ee.ErrSafetyNumber) {
		t.Errorf("carol's key is known: %v", err)
	}
	if err := alice.Verify("dave", "0"); !errors.Is(err, e2ee.ErrNotPinned) {
		t.Errorf("dave's is not: %v", err)
	}
	for _, want := range v.Rooms {
		r := alice.named(want.Name)
		if id := r.ID(); !bytes.Equal(id[:], want.ID) {
			t.Errorf("%s is %v", want.Name, id)
		}
	}
}

// TestSpecExportMade reads, by the spec, what a client exports.
func TestSpecExportMade(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		p.verify(t)
		kem, err := p.alice.Identity().DecapsulationKey().Bytes()
		must(t, err)
		bob := p.bob.Identity().Public()
		raw, err := p.relay.Lookup(t.Context(), "id:bob")
		must(t, err)
		bundle := sha256.Sum256(raw)
		v := &exportVector{
			identity: specPerson{Name: "alice", IdentitySeed: p.alice.Identity().SigningKey().Seed(), KEMPrivate: kem, Serial: 1},
			Pins:     []exportVectorPin{{"bob", 2, bob[:], 1, bundle[:]}},
		}
		for name, r := range p.hers {
			id := r.ID()
			v.Rooms = append(v.Rooms, exportVectorRoom{id[:], name})
		}
		slices.SortFunc(v.Rooms, func(a, b exportVectorRoom) int { return bytes.Compare(a.ID, b.ID) })
		if !bytes.Equal(openedExport(t, exportOf(t, p.alice)), v.content()) {
			t.Error("the export is not as specified")
		}
	})
}

// TestSpecExportRefused goes through what a reader refuses of the content.
func TestSpecExportRefused(t *testing.T) {
	weak := append([]byte{1}, make([]byte, 31)...)
	larger, err := compositekem.GenerateKey(compositekem.RSA3072)
	must(t, err)
	largerKEM, err := larger.Bytes()
	must(t, err)
	for name, change := range map[string]func(v *exportVector){
		"no name":             func(v *exportVector) { v.identity.Name = "" },
		"long name":           func(v *exportVector) { v.identity.Name = strings.Repeat("a", 65) },
		"control in name":     func(v *exportVector) { v.identity.Name = "a\n" },
		"no KEM key":          func(v *exportVector) { v.identity.KEMPrivate = nil },
		"KEM key cut off":     func(v *exportVector) { v.identity.KEMPrivate = v.identity.KEMPrivate[:100] },
		"KEM key of 3072":     func(v *exportVector) { v.identity.KEMPrivate = largerKEM },
		"pins out of order":   func(v *exportVector) { slices.Reverse(v.Pins) },
		"pin twice":           func(v *exportVector) { v.Pins = append(v.Pins, v.Pins[2]) },
		"pin without name":    func(v *exportVector) { v.Pins[0].Name = "" },
		"control in a pin":    func(v *exportVector) { v.Pins[0].Name = "a\x7f" },
		"state 3":             func(v *exportVector) { v.Pins[0].State = 3 },
		"weak key":            func(v *exportVector) { v.Pins[0].Key = weak },
		"short key":           func(v *exportVector) { v.Pins[0].Key = v.Pins[0].Key[:31] },
		"no bundle":           func(v *exportVector) { v.Pins[1].Bundle = nil },
		"own name, another's": func(v *exportVector) { v.Pins[0].Name = "alice" },
		"rooms out of order":  func(v *exportVector) { slices.Reverse(v.Rooms) },
		"room twice":          func(v *exportVector) { v.Rooms = append(v.Rooms, v.Rooms[1]) },
		"room without name":   func(v *exportVector) { v.Rooms[0].Name = "" },
		"control in a room":   func(v *exportVector) { v.Rooms[0].Name = "\x00" },
		"short ID":            func(v *exportVector) { v.Rooms[1].ID = v.Rooms[1].ID[:31] },
	} {
		v := readExportVector(t)
		change(v)
		if _, err := e2ee.RewriteExport(v.content()); !errors.Is(err, e2ee.ErrExport) {
			t.Errorf("%s: %v, want ErrExport", name, err)
		}
	}
	for name, change := range map[string]func(v *exportVector){
		"other serial":        func(v *exportVector) { v.identity.Serial = 1 << 63 },
		"name of 64 bytes":    func(v *exportVector) { v.identity.Name = strings.Repeat("a", 64) },
		"name not in form C":  func(v *exportVector) { v.Rooms[0].Name = "e\u0301" },
		"nothing but oneself": func(v *exportVector) { v.Pins, v.Rooms = nil, nil },
		"own name, own key": func(v *exportVector) {
			v.Pins = []exportVectorPin{{"alice", 1, v.identity.IdentityKey, 1, make([]byte, 32)}}
		},
	} {
		v := readExportVector(t)
		change(v)
		raw := v.content()
		if again, err := e2ee.RewriteExport(raw); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%s: %v, or written differently", name, err)
		}
	}
	v := readExportVector(t)
	raw := v.content()
	for n := range raw {
		if _, err := e2ee.RewriteExport(raw[:n]); !errors.Is(err, e2ee.ErrExport) {
			t.Fatalf("cut off at %d: %v", n, err)
		}
	}
	if _, err := e2ee.RewriteExport(append(raw, 0)); !errors.Is(err, e2ee.ErrExport) {
		t.Errorf("left over: %v", err)
	}
	for _, part := range []string{"pins", "rooms"} {
		longer := bytes.Clone(v.content())
		longer[v.spans[part][0]+2]++
		if _, err := e2ee.RewriteExport(longer); !errors.Is(err, e2ee.ErrExport) {
			t.Errorf("length of %s: %v", part, err)
		}
	}
}

// TestExportLimits holds that as many pins and rooms as there may be fit, and
// no more.
func TestExportLimits(t *testing.T) {
	v := readExportVector(t)
	v.Pins, v.Rooms = nil, nil
	long := strings.Repeat("n", 59)
	for i := range 1 << 16 {
		id := binary.BigEndian.AppendUint32(make([]byte, 28), uint32(i))
		name := fmt.Sprintf("%05d%s", i, long)
		v.Pins = append(v.Pins, exportVectorPin{name, 2, v.identity.IdentityKey, 1, make([]byte, 32)})
		v.Rooms = append(v.Rooms, exportVectorRoom{id, name})
	}
	raw := v.content()
	if again, err := e2ee.RewriteExport(raw); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("as much as there may be: %v, or written differently", err)
	}
	key, err := envelope.PassphraseIdentity([]byte(passphrase))
	must(t, err)
	size, err := envelope.SealedSize(int64(len(raw)), &envelope.Options{Metadata: []byte("parley export v1")}, key.Recipient())
	if err != nil || size > e2ee.MaxExport {
		t.Errorf("it is %d bytes, %v", size, err)
	}
	more := *v
	more.Pins = append(more.Pins, exportVectorPin{"a", 0, make([]byte, 32), 0, nil})
	if _, err := e2ee.RewriteExport(more.content()); !errors.Is(err, e2ee.ErrExport) {
		t.Errorf("one more pin: %v, want ErrExport", err)
	}
	more = *v
	more.Rooms = append(more.Rooms, exportVectorRoom{bytes.Repeat([]byte{255}, 32), "a"})
	if _, err := e2ee.RewriteExport(more.content()); !errors.Is(err, e2ee.ErrExport) {
		t.Errorf("one more room: %v, want ErrExport", err)
	}
}

// TestSpecExportWorkedBytes compares what spec/export-v1.md quotes with the
// vector. A block ```worked holds lines of a part's name, two spaces and its
// bytes, where … stands for any digits.
func TestSpecExportWorkedBytes(t *testing.T) {
	text, err := os.ReadFile(exportSpecFile)
	must(t, err)
	v := readExportVector(t)
	v.content()
	fields := map[string]string{"export": hex.EncodeToString(v.Export)}
	for name, span := range v.spans {
		fields[name] = hex.EncodeToString(v.Content[span[0]:span[1]])
	}
	quoted := make(map[string]string)
	for _, block := range regexp.MustCompile("(?s)```worked\n(.*?)```").FindAllSubmatch(text, -1) {
		field := ""
		for line := range strings.Lines(string(block[1])) {
			name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "  ")
			if name != "" {
				field = name
			}
			quoted[field] += strings.TrimSpace(value)
		}
	}
	if len(quoted) != len(fields) {
		t.Errorf("%d values are quoted, there are %d", len(quoted), len(fields))
	}
	for name, got := range quoted {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(got), "…", "[0-9a-f]+") + "$")
		if want, ok := fields[name]; !ok || got == "" || !pattern.MatchString(want) {
			t.Errorf("%s is quoted as %.80s, want %.400s", name, got, want)
		}
	}
}

// FuzzParseExport takes what is in the envelope: from whoever has the
// passphrase, damage gets no further than the envelope.
func FuzzParseExport(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		again, err := e2ee.RewriteExport(raw)
		if err != nil {
			if !errors.Is(err, e2ee.ErrExport) && !errors.Is(err, e2ee.ErrExportVersion) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(again, raw) {
			t.Fatal("parses, and is written differently")
		}
	})
}

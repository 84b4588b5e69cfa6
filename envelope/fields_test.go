package envelope_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// A field is a part of an envelope, by the name that the specification has for it.
type field struct {
	name   string
	at     int
	size   int
	stanza int // -1: of none
	chunk  int // -1: of none
}

func (f field) String() string {
	switch {
	case f.stanza >= 0:
		return fmt.Sprintf("stanza %d: %s", f.stanza, f.name)
	case f.chunk >= 0:
		return fmt.Sprintf("chunk %d: %s", f.chunk, f.name)
	}
	return f.name
}

// A walk goes over an envelope and names what it passes.
type walk struct {
	e             []byte
	at            int
	stanza, chunk int
	fields        []field
}

func (w *walk) pass(name string, size int) []byte {
	w.fields = append(w.fields, field{name, w.at, size, w.stanza, w.chunk})
	w.at += size
	return w.e[w.at-size : w.at]
}

// fieldsOf lists all fields of an envelope that is well-formed, those of no bytes
// too.
func fieldsOf(e []byte) []field {
	w := &walk{e: e, stanza: -1, chunk: -1}
	w.pass("magic", 19)
	signed := w.pass("flags", 1)[0] == 1
	w.pass("envelope ID", 32)
	w.pass("metadata", int(binary.BigEndian.Uint16(w.pass("metadata length", 2))))
	size := w.pass("stanzas length", 3)
	end := w.at + int(size[0])<<16 + int(size[1])<<8 + int(size[2])
	for w.stanza = 0; w.at < end; w.stanza++ {
		w.oneStanza()
	}
	w.stanza = -1
	w.pass("MAC", 32)
	w.payload(signed)
	return w.fields
}

func (w *walk) oneStanza() {
	typ := w.pass("type", 1)[0]
	w.pass("key ID", int(w.pass("key ID length", 1)[0]))
	size := int(binary.BigEndian.Uint16(w.pass("body length", 2)))
	switch typ {
	case 1:
		w.pass("OAEP ciphertext", size)
		return
	case 2:
		w.pass("ML-KEM ciphertext", 1088)
		w.pass("RSA ciphertext", size-1088-48)
	case 3:
		w.pass("salt", 32)
	case 4:
		w.pass("KDF", 1)
		w.pass("time", 4)
		w.pass("memory", 4)
		w.pass("parallelism", 1)
		w.pass("salt", 32)
	}
	w.pass("wrapped key", 48)
}

func (w *walk) payload(signed bool) {
	end := len(w.e)
	if signed {
		end -= 112
	}
	w.pass("payload salt", 24)
	w.pass("commitment", 32)
	for w.chunk = 0; w.at < end; w.chunk++ {
		w.pass("ciphertext", min(chunk, end-w.at-16))
		w.pass("tag", 16)
	}
	w.chunk = -1
	if signed {
		w.pass("trailer", 112)
	}
}

// A subject is an envelope of which every field is changed.
type subject struct {
	name   string
	sealed []byte
	msg    []byte
	reader *envelope.Identity
	hidden bool
	signed bool
}

// subjects have between them every field that there is.
var subjects = sync.OnceValue(func() (all []subject) {
	add := func(name string, n int, v variant, reader *envelope.Identity, beside ...*envelope.Identity) {
		seal, _ := v.options()
		seal.AllowMixed = true
		msg := message(n)
		sealed := must(envelope.Seal(msg, seal, recipientsOf(append(beside, reader)...)...))
		all = append(all, subject{name, sealed, msg, reader, v.hidden, v.signed})
	}
	add("shared key, signed", 2*chunk+7, variant{signed: true, metadata: true}, sharedMember())
	add("shared key", 2*chunk, variant{metadata: true}, sharedMember())
	add("RSA, hidden", 10, variant{hidden: true}, rsaMember())
	add("RSA, signed", 0, variant{signed: true}, rsaMember())
	add("composite", chunk+1, variant{}, compositeMember())
	add("several", 5, variant{}, sharedMember(), rsaMember(), compositeMember(), sharedNumber(1))
	add("several, hidden, signed", 5, variant{hidden: true, signed: true}, compositeMember(), rsaMember(), sharedMember(), sharedNumber(1))
	kdfs := []byte{2}
	if !fips140.Enabled() {
		kdfs = []byte{1, 2}
	}
	for _, kdf := range kdfs {
		memory, lanes := uint32(0), byte(0)
		if kdf == 1 {
			memory, lanes = 16, 2
		}
		f := newForgery()
		f.stanzas = [][]byte{encodeStanza(4, nil, stretchBody(password, f.c(), f.fileKey, kdf, 2, memory, lanes))}
		f.authenticate().sealPayload(message(3))
		all = append(all, subject{fmt.Sprint("passphrase ", kdf), f.bytes(), message(3), passphraseMember(), false, false})
	}
	return all
})

// changes are those that a field is put through.
func (f field) changes(e []byte, quick bool) (all [][]byte) {
	change := func(how func(b []byte)) {
		c := bytes.Clone(e)
		if how(c[f.at : f.at+f.size]); !bytes.Equal(c, e) {
			all = append(all, c)
		}
	}
	flip := func(at, bit int) { change(func(b []byte) { b[at] ^= 1 << bit }) }
	if f.size == 0 {
		return nil
	}
	for at := range f.size {
		for bit := range 8 {
			if edge := at == 0 || at == f.size-1; f.size <= 4 || edge && !quick {
				flip(at, bit)
			}
		}
	}
	for range 4 {
		flip(rand.IntN(f.size), rand.IntN(8))
	}
	flip(0, 7)
	flip(f.size-1, 0)
	change(func(b []byte) { clear(b) })
	change(func(b []byte) { copy(b, bytes.Repeat([]byte{0xff}, len(b))) })
	change(func(b []byte) { b[len(b)-1]++ })
	return all
}

// TestFieldsCoverEverything: every byte of an envelope is in exactly one field, and
// every name of the format is met, so that none is forgotten.
func TestFieldsCoverEverything(t *testing.T) {
	skipWithoutEnvelopes(t)
	met := map[string]bool{}
	for _, s := range subjects() {
		at := 0
		for _, f := range fieldsOf(s.sealed) {
			if f.at != at {
				t.Errorf("%s: %v is at %d, want %d", s.name, f, f.at, at)
			}
			at += f.size
			met[f.name] = met[f.name] || f.size > 0
		}
		if at != len(s.sealed) {
			t.Errorf("%s: %d bytes of %d are in no field", s.name, len(s.sealed)-at, len(s.sealed))
		}
	}
	for _, name := range []string{
		"magic", "flags", "envelope ID", "metadata length", "metadata", "stanzas length", "type", "key ID length", "key ID",
		"body length", "OAEP ciphertext", "ML-KEM ciphertext", "RSA ciphertext", "salt", "KDF", "time", "memory", "parallelism",
		"wrapped key", "MAC", "payload salt", "commitment", "ciphertext", "tag", "trailer",
	} {
		if !met[name] {
			t.Errorf("no envelope has the field %s", name)
		}
		delete(met, name)
	}
	if len(met) > 0 {
		t.Errorf("fields that are not listed: %v", met)
	}
}

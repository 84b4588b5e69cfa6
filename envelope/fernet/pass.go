package fernet

import "runtime"

const (
	// pieceSize is how much of a token is made at a time, so that the next step
	// finds it in the cache: whole blocks of the cipher.
	pieceSize = 16 << 10

	// decodedPiece is likewise for tokens that come as text: whole steps of
	// decode.
	decodedPiece = pieceSize / 12 * 12

	// parallelSize is the number of bytes from which on a helper pays.
	parallelSize = 256 << 10
)

// A pass goes over a token from front to back, behind whoever makes its bytes:
// it authenticates them and, where there is a text to fill, encodes them. For a
// long token it is the helper's work, and comes out the same.
type pass struct {
	tok, text []byte
	macked    int // bytes of tok that are authenticated
	encoded   int // bytes of tok that are encoded
	helped    bool
}

// worthHelp reports whether work on n bytes is worth a helper.
func worthHelp(n int) bool {
	return n >= parallelSize && runtime.GOMAXPROCS(0) > 1
}

// begin starts a pass over tok, which it encodes to text unless that is nil.
func (m *machine) begin(tok, text []byte) {
	m.restartMAC()
	p := &m.pass
	p.tok, p.text, p.macked, p.encoded = tok, text, 0, 0
	if p.helped = worthHelp(len(tok)); p.helped {
		h := m.help()
		h.start(h.follow)
	}
}

// reach tells the pass that tok is made up to end.
func (m *machine) reach(end int) {
	if m.pass.helped {
		m.helper.allow(end)
	} else {
		m.pass.advance(m, end)
	}
}

// stop ends the pass once it has come to where tok is made.
func (m *machine) stop() {
	if m.pass.helped {
		m.advanceTogether(m.helper.limit)
		m.helper.join()
	}
}

// follow is the helper's work in a pass.
func (m *machine) follow() {
	for at, more := 0, true; more; {
		at, more = m.helper.wait(at)
		m.advanceTogether(at)
	}
}

// advanceTogether is advance by the helper or by the user of m.
func (m *machine) advanceTogether(end int) {
	m.helper.work.Lock()
	defer m.helper.work.Unlock()
	if end > m.pass.macked {
		m.pass.advance(m, end)
	}
}

// advance authenticates and encodes tok up to end.
func (p *pass) advance(m *machine, end int) {
	m.mac.Write(p.tok[p.macked:end])
	p.macked = end
	if p.text != nil {
		p.encode(end - end%3)
	}
}

// encode encodes tok up to end, a multiple of 3 except at the end of tok.
func (p *pass) encode(end int) {
	text := p.text[p.encoded/3*4:]
	if end < len(p.tok) {
		text = text[:(end-p.encoded)/3*4]
	}
	encode(text, p.tok[p.encoded:end])
	p.encoded = end
}

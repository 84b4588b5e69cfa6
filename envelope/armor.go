package envelope

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// The text form of an envelope is PEM, in the strict encoding of RFC 7468,
// section 3.
const (
	armorBegin = "-----BEGIN PARLEY ENVELOPE-----"
	armorEnd   = "-----END PARLEY ENVELOPE-----"

	// armorLine is the length of a line of base64, and armorBytes what is in it.
	armorLine  = 64
	armorBytes = armorLine / 4 * 3
)

// Armor returns the text form of an envelope: PEM, with the label "PARLEY
// ENVELOPE". It does not check what it is given; [Dearmor] refuses the text form of
// nothing. Text is for places that take nothing else; it is a third longer.
func Armor(sealed []byte) []byte {
	var text bytes.Buffer
	w := NewArmorWriter(&text)
	w.Write(sealed) // a bytes.Buffer has no errors
	w.Close()
	return text.Bytes()
}

// Dearmor returns the envelope from its text form. Anything extra, or not exactly
// in that form, is refused with [ErrArmor]: see [NewArmorReader].
func Dearmor(text []byte) ([]byte, error) {
	sealed, err := io.ReadAll(NewArmorReader(bytes.NewReader(text)))
	if err != nil {
		return nil, err
	}
	return sealed, nil
}

// NewArmorWriter returns a writer that writes the text form of what is written to it
// to dst. Close completes the text; it does not close dst. After an error of dst
// every call returns that error.
func NewArmorWriter(dst io.Writer) io.WriteCloser {
	w := &armorWriter{dst: dst}
	w.text = append(w.text, armorBegin+"\n"...)
	return w
}

type armorWriter struct {
	dst    io.Writer
	rest   []byte // less than a line
	text   []byte // to be written
	closed bool
	err    error
}

func (w *armorWriter) Write(p []byte) (n int, err error) {
	if w.closed && w.err == nil {
		return 0, ErrClosed
	}
	for n < len(p) && w.err == nil {
		m := min(len(p)-n, armorBytes-len(w.rest))
		w.rest = append(w.rest, p[n:n+m]...)
		n += m
		if len(w.rest) == armorBytes {
			w.line()
		}
		if len(w.text) >= armorBuffer {
			w.flush()
		}
	}
	return n, w.err
}

const armorBuffer = 32 << 10

func (w *armorWriter) line() {
	w.text = append(base64.StdEncoding.AppendEncode(w.text, w.rest), '\n')
	w.rest = w.rest[:0]
}

func (w *armorWriter) flush() {
	_, w.err = strictio.WriteFull(w.dst, w.text)
	w.text = w.text[:0]
}

func (w *armorWriter) Close() error {
	if w.closed || w.err != nil {
		return w.err
	}
	w.closed = true
	if len(w.rest) > 0 {
		w.line()
	}
	w.text = append(w.text, armorEnd+"\n"...)
	w.flush()
	return w.err
}

// NewArmorReader returns a reader of the envelope whose text form is the whole of
// src. Lines end in LF, or all of them in CRLF; the last line end may be missing.
// Everything else that is not exactly in that form is refused with [ErrArmor]: text
// before or after it, headers, spaces, lines of other lengths, base64 that is not
// canonical. What was read before such an error is part of an envelope at best.
func NewArmorReader(src io.Reader) io.Reader {
	return &armorReader{src: bufio.NewReaderSize(strictio.Reader{Src: src}, armorBuffer)}
}

type armorReader struct {
	src   *bufio.Reader
	begun bool
	crlf  bool
	short bool   // the last line was shorter: the end comes next
	lines bool   // there was a line
	bytes []byte // decoded, of buf
	buf   [armorBytes]byte
	err   error
}

func (r *armorReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n < len(p) {
		if len(r.bytes) == 0 {
			// What is there is given before more is waited for.
			if r.err != nil || n > 0 && r.src.Buffered() <= armorLine+1 {
				break
			}
			r.err = r.next()
			continue
		}
		m := copy(p[n:], r.bytes)
		r.bytes = r.bytes[m:]
		n += m
	}
	if n > 0 {
		return n, nil
	}
	return 0, r.err
}

// next reads a line.
func (r *armorReader) next() error {
	line, err := r.line()
	switch {
	case err != nil:
		return err
	case !r.begun:
		if string(line) != armorBegin {
			return ErrArmor
		}
		r.begun = true
		return nil
	case string(line) == armorEnd:
		return r.end()
	case r.short || len(line) == 0 || len(line) > armorLine || bytes.IndexByte(line, '\r') >= 0:
		return ErrArmor
	}
	n, err := base64.StdEncoding.Strict().Decode(r.buf[:], line)
	if err != nil {
		return ErrArmor
	}
	r.bytes, r.lines, r.short = r.buf[:n], true, len(line) < armorLine || n < armorBytes
	return nil
}

// line returns the next line without its end. All lines end as the first does.
func (r *armorReader) line() ([]byte, error) {
	line, err := r.src.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return nil, ErrArmor
	case err == io.EOF && len(line) > 0 && string(line) == armorEnd:
		return line, nil
	case err == io.EOF:
		return nil, ErrArmor
	case err != nil:
		return nil, err
	}
	line = line[:len(line)-1]
	line, crlf := bytes.CutSuffix(line, []byte{'\r'})
	if !r.begun {
		r.crlf = crlf
	}
	if crlf != r.crlf {
		return nil, ErrArmor
	}
	return line, nil
}

// end holds that there was something, and that nothing follows.
func (r *armorReader) end() error {
	if !r.lines {
		return ErrArmor
	}
	switch _, err := r.src.ReadByte(); err {
	case nil:
		return ErrArmor
	default:
		return err
	}
}

package group

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// Seal makes one Message frame of as many of queue's messages as fit, and says
// how many those are. The caller stores Changes before the frame leaves: a
// frame that left, from a state that was lost, uses its generation for good,
// and a member restored from before it that seals another one is found out as
// RolledBack. It returns ErrCommitFirst where a commit has to come first,
// ErrInFlight, ErrConfirmation, ErrNotMember, ErrForked, ErrPending, ErrNothing
// for an empty queue and ErrTooLarge; then nothing has changed.
func (m *Member) Seal(queue []AppMessage, now time.Time) (n int, err error) {
	if err := m.maySend(); err != nil {
		return 0, err
	}
	for _, msg := range queue {
		if len(msg.Text) > MaxTextSize {
			return 0, ErrTooLarge
		}
	}
	if len(queue) == 0 {
		return 0, ErrNothing
	}
	plaintext, n := pack(queue)
	defer wipe(plaintext)
	frame, err := m.sealFrame(plaintext, now)
	if err != nil {
		return 0, err
	}
	m.s.sealed = &sealed{frame: frame}
	for _, msg := range queue[:n] {
		m.s.sealed.ids = append(m.s.sealed.ids, msg.ID)
	}
	m.touch(recordSealed, ratchetRecord(m.s.index))
	return n, nil
}

func (m *Member) maySend() error {
	switch {
	case m.s.status == NoKeys:
		return ErrConfirmation
	case m.s.status != Active:
		return ErrNotMember
	case m.s.sealed != nil || m.s.proposal != nil:
		return ErrInFlight
	case m.Forked():
		return ErrForked
	case isPending(m.public.pending, m.s.membership):
		return ErrPending
	case m.public.epoch == 0 || len(m.public.pending) > 0:
		return ErrCommitFirst
	}
	return nil
}

// sealFrame moves the own ratchet once the frame is made: where that fails,
// nothing has changed.
func (m *Member) sealFrame(plaintext []byte, now time.Time) ([]byte, error) {
	chain := m.s.epoch.ratchets[m.s.index]
	next := &ratchet{key: slices.Clone(chain.key), generation: chain.generation}
	frame, err := m.marshalMessage(next.step(), next.generation, plaintext, now)
	if err != nil {
		wipe(next.key)
		return nil, err
	}
	wipe(chain.key)
	m.s.epoch.ratchets[m.s.index] = next
	return frame, nil
}

func (m *Member) marshalMessage(messageKey []byte, generation uint64, plaintext []byte, now time.Time) ([]byte, error) {
	p := m.public
	msg := &message{
		epoch:      p.epoch,
		transcript: p.transcript,
		sender:     m.s.index,
		generation: generation,
		previous:   p.senders[m.s.index].previous,
		seen:       p.seen(),
	}
	if p.endKnown && p.seats[m.s.index].since != p.epoch {
		msg.end = p.end
	}
	size := fernet.SealedSize(len(plaintext))
	frame := msg.marshalHeader(p.room, 3+size+sigSize)
	key, err := tokenKey(messageKey, frame)
	if err != nil {
		return nil, err
	}
	frame = append(frame, byte(size>>16), byte(size>>8), byte(size))
	// Fernet has no time before 1970, where a clock that was never set may be.
	if frame, err = key.AppendSeal(frame, plaintext, time.Unix(max(now.Unix(), 0), 0)); err != nil {
		return nil, err
	}
	return append(frame, sign(m.s.keys.signing, signMessage, frame)...), nil
}

// tokenKey binds a message key to the header of its frame, and erases it.
func tokenKey(messageKey, header []byte) (fernet.Key, error) {
	raw := kdf(messageKey, labelFernet, header)
	defer wipe(messageKey, raw)
	return fernet.NewKey(raw)
}

// receive takes in a valid Message. The ratchet moves to its generation
// whether or not the token opens.
func (m *Member) receive(msg *message, frame []byte) []Event {
	if !m.rostered() {
		return nil
	}
	from := m.public.person(msg.sender)
	switch {
	case msg.sender == m.s.index:
		return m.delivered(frame)
	case m.s.status == NoKeys:
		return []Event{Undecryptable{from, ErrConfirmation}}
	}
	chain := m.s.epoch.ratchets[msg.sender]
	m.touch(ratchetRecord(msg.sender))
	for chain.generation+1 < msg.generation {
		wipe(chain.step())
	}
	plaintext, sentAt, err := openToken(chain.step(), msg)
	if err != nil {
		return []Event{Undecryptable{from, err}}
	}
	messages, err := unpack(plaintext)
	if err != nil {
		return []Event{Undecryptable{from, err}}
	}
	events := make([]Event, len(messages))
	for i, app := range messages {
		// Texts share one plaintext: what an application does to one stays there.
		events[i] = Received{From: from, ID: app.ID, Kind: app.Kind, Text: slices.Clip(app.Text), SentAt: sentAt}
	}
	return events
}

func openToken(messageKey []byte, msg *message) (plaintext []byte, sentAt time.Time, err error) {
	key, err := tokenKey(messageKey, msg.header)
	if err != nil {
		return nil, time.Time{}, ErrDecrypt
	}
	if plaintext, err = key.AppendOpen(nil, msg.token, time.Time{}); err != nil {
		return nil, time.Time{}, ErrDecrypt
	}
	// The token is authentic: version 1, then the time, 8 bytes.
	return plaintext, unixTime(binary.BigEndian.Uint64(msg.token[1:9])), nil
}

// delivered meets an own Message in the log.
func (m *Member) delivered(frame []byte) []Event {
	switch {
	case m.s.status == NoKeys:
		return nil
	case m.s.sealed == nil || !bytes.Equal(m.s.sealed.frame, frame):
		return m.rolledBack()
	}
	ids := m.s.sealed.ids
	m.s.sealed = nil
	m.touch(recordSealed)
	return []Event{Delivered{ids}}
}

package group

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"

	"golang.org/x/crypto/cryptobyte"
)

// epochSecrets is what a member keeps of an epoch: the init of the next, the
// authenticator, and every sender's ratchet. Each is 32 secret bytes.
type epochSecrets struct {
	init          []byte
	authenticator []byte
	ratchets      map[uint8]*ratchet
}

// ratchet is a sender's chain at a generation: r of generation+1.
type ratchet struct {
	key        []byte
	generation uint64
}

// step yields the message key of the next generation. Both it and the key it
// came from are erased: the key here, the message key by the caller.
func (r *ratchet) step() (messageKey []byte) {
	messageKey = hmac256(r.key, []byte{1})
	next := hmac256(r.key, []byte{2})
	wipe(r.key)
	r.key = next
	r.generation++
	return messageKey
}

func (e *epochSecrets) wipe() {
	if e == nil {
		return
	}
	wipe(e.init, e.authenticator)
	for _, r := range e.ratchets {
		wipe(r.key)
	}
}

// joinerSecret is HKDF-Extract(salt = init_e, ikm = commit_secret).
func joinerSecret(init, commitSecret []byte) []byte { return extract(init, commitSecret) }

func welcomeKey(joiner []byte, room RoomID, epoch uint64) []byte {
	return kdf(joiner, labelWelcome, build(func(b *cryptobyte.Builder) {
		b.AddBytes(room[:])
		b.AddUint64(epoch)
	}))
}

func rotatedInvite(joiner []byte, room RoomID) *inviteSeed {
	return newInviteSeed(kdf(joiner, labelInvite, room[:]))
}

// expand derives the secrets of the epoch that s leads to, and the tag that
// confirms them. It erases everything in between.
func (s *succession) expand(joiner []byte) (*epochSecrets, []byte) {
	roster, pol := s.rosterHash(), s.policy.hash()
	epoch := kdf(joiner, labelEpoch, build(func(b *cryptobyte.Builder) {
		b.AddUint8(Version)
		b.AddUint16(Suite)
		b.AddBytes(s.public.room[:])
		b.AddUint64(s.commit.epoch + 1)
		b.AddBytes(s.transcript[:])
		b.AddBytes(roster[:])
		b.AddBytes(pol[:])
	}))
	confirm := kdf(epoch, labelConfirm, nil)
	root := kdf(epoch, labelSenderRoot, nil)
	senders := append(s.others(), s.index)
	next := &epochSecrets{
		init:          kdf(epoch, labelInit, nil),
		authenticator: kdf(epoch, labelAuthenticator, nil),
		ratchets:      make(map[uint8]*ratchet, len(senders)),
	}
	chains := make([]ratchet, len(senders))
	inParallel(len(senders), func(i int) { chains[i].key = kdf(root, labelSender, senders[i:i+1]) })
	for i := range chains {
		next.ratchets[senders[i]] = &chains[i]
	}
	tag := hmac256(confirm, s.transcript[:])
	wipe(epoch, confirm, root)
	return next, tag
}

// follow checks the confirmation tag of a commit made by somebody else.
func (s *succession) follow(joiner []byte) (*epochSecrets, error) {
	next, tag := s.expand(joiner)
	if !hmac.Equal(tag, s.commit.tag) {
		next.wipe()
		return nil, ErrConfirmation
	}
	return next, nil
}

// wrapKey is the KEK of one entry: it binds the shared secret to room, epoch,
// history, role, both leaves, the KEM key and the ciphertext.
func (s *succession) wrapKey(shared []byte, r role, to *leaf, kem, ct []byte) []byte {
	kemHash, ctHash := digest(labelKEMKey, kem), digest(labelCiphertext, ct)
	return kdf(shared, labelWrap, build(func(b *cryptobyte.Builder) {
		b.AddBytes(s.public.room[:])
		b.AddUint64(s.commit.epoch + 1)
		b.AddBytes(s.before[:])
		b.AddUint8(uint8(r))
		b.AddBytes(s.committer.leaf.hash[:])
		b.AddBytes(to.hash[:])
		b.AddBytes(kemHash[:])
		b.AddBytes(ctHash[:])
	}))
}

// welcomeShared mixes the link's secret into a joiner's shared secret, where
// its Join rests on the link.
func welcomeShared(shared []byte, j *join, seed *inviteSeed) []byte {
	salt := make([]byte, 32)
	if len(j.proof) > 0 {
		salt = seed.welcomeSalt()
	}
	return extract(salt, shared)
}

// sealBox encrypts 32 bytes with AES-256-GCM under a key of one use: nonce 12,
// ciphertext 32 and tag 16 bytes.
func sealBox(key, secret []byte) []byte {
	return boxAEAD(key).Seal(nil, nil, secret, nil)
}

func openBox(key, box []byte) ([]byte, error) {
	secret, err := boxAEAD(key).Open(nil, nil, box, nil)
	if err != nil || len(secret) != 32 {
		return nil, ErrConfirmation
	}
	return secret, nil
}

func boxAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("group: AES refused 32 bytes")
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("group: GCM refused AES")
	}
	return aead
}

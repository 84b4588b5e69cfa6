package group

import (
	"bytes"
	"crypto/ed25519"
	"time"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"golang.org/x/crypto/cryptobyte"
)

// join asks to be added, or, from a name and identity in the roster, to have
// its leaf replaced (a rejoin). It has no effect until a commit serves it.
type join struct {
	epoch      uint64
	transcript Hash
	leaf       *leaf
	init       []byte // KEM key to which the welcome is encrypted
	expiry     uint64 // Unix seconds; judged by the committer's clock alone
	proof      []byte // invite signature, or empty
	replaced   []byte // signature of the leaf key it replaces, or empty
	proven     []byte // what proof covers
	replacedOf []byte // what replaced covers
	raw        []byte
	hash       Hash
}

// initKeys is what a joiner keeps until its Join is served.
type initKeys struct {
	leaf leafKeys
	init *compositekem.DecapsulationKey
}

// joinRequest is what a joiner says of itself and of the log it has read.
type joinRequest struct {
	room       RoomID
	epoch      uint64
	transcript Hash
	expiry     time.Time
	seed       *inviteSeed        // nil without an invite
	replaced   ed25519.PrivateKey // nil where this is no rejoin, or the key is lost
}

func marshalJoin(id Identity, req joinRequest) ([]byte, initKeys, error) {
	l, leafKeys, err := newLeafFor(id, req.room)
	if err != nil {
		return nil, initKeys{}, err
	}
	init, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		return nil, initKeys{}, err
	}
	frame := build(func(b *cryptobyte.Builder) {
		putHeader(b, typeJoin, req.room)
		b.AddUint64(req.epoch)
		b.AddBytes(req.transcript[:])
		put16(b, l.raw)
		put16(b, init.EncapsulationKey().Bytes())
		b.AddUint64(uint64(req.expiry.Unix()))
	})
	frame = appendOptional(frame, req.seed.proofKey(), signProof)
	frame = appendOptional(frame, req.replaced, signJoinReplaced)
	sig, err := signIdentity(id, signJoinIdentity, frame)
	if err != nil {
		return nil, initKeys{}, err
	}
	frame = append(frame, sig...)
	return append(frame, sign(leafKeys.signing, signJoinLeaf, frame)...), initKeys{leafKeys, init}, nil
}

// appendOptional appends a length byte and, where there is a key, its
// signature over what stands before.
func appendOptional(frame []byte, key ed25519.PrivateKey, l label) []byte {
	if key == nil {
		return append(frame, 0)
	}
	sig := sign(key, l, frame)
	return append(append(frame, sigSize), sig...)
}

// parseJoin reads a Join whole and checks what it says of itself: leaf, keys,
// and the signatures of identity and leaf key. The rest is admit's. Those two
// come last and are never missing, so nobody else can take one off, or the
// proof, and have another Join of the same keys.
func parseJoin(frame []byte, room RoomID) (*join, error) {
	j, err := decodeJoin(frame, room)
	if err != nil {
		return nil, err
	}
	if err := j.check(); err != nil {
		return nil, err
	}
	return j, nil
}

// check holds that the keys are sound and those signatures right.
func (j *join) check() error {
	if err := j.leaf.check(); err != nil {
		return err
	}
	if _, err := parseKEMKey(j.init); err != nil || bytes.Equal(j.init, j.leaf.kem) {
		return ErrKey
	}
	leafAt := len(j.raw) - sigSize
	identityAt := leafAt - sigSize
	if !verify(j.leaf.identity, signJoinIdentity, j.raw[:identityAt], j.raw[identityAt:leafAt]) ||
		!verify(j.leaf.signing, signJoinLeaf, j.raw[:leafAt], j.raw[leafAt:]) {
		return ErrSignature
	}
	return nil
}

// decodeJoin reads a Join and verifies nothing. It keeps no slice of frame.
func decodeJoin(frame []byte, room RoomID) (*join, error) {
	t, err := parseHeader(frame, room)
	switch {
	case err != nil:
		return nil, err
	case t != typeJoin:
		return nil, ErrType
	}
	raw := bytes.Clone(frame)
	r := reader{s: raw[headerSize:]}
	at := func() int { return len(raw) - len(r.s) }
	j := &join{raw: raw, epoch: r.u64(), transcript: r.hash()}
	rawLeaf := r.vec16()
	j.init, j.expiry = r.vec16(), r.u64()
	j.proven = raw[:at()]
	j.proof = r.optionalSig()
	j.replacedOf = raw[:at()]
	j.replaced = r.optionalSig()
	r.bytes(2 * sigSize)
	if err := r.done(); err != nil {
		return nil, err
	}
	if j.leaf, err = decodeLeaf(rawLeaf, room); err != nil {
		return nil, err
	}
	j.hash = digest(labelFrame, raw)
	return j, nil
}

// optionalSig reads a signature behind its length byte, 0 or 64.
func (r *reader) optionalSig() []byte {
	v := r.vec8()
	r.check(len(v) == 0 || len(v) == sigSize)
	return v
}

// JoinRequest is what the public can see of a Join.
type JoinRequest struct {
	Name        string
	Fingerprint Fingerprint
	Expiry      time.Time
	// Proof reports that the Join carries an invite proof.
	Proof bool
}

func (j *join) request() JoinRequest {
	return JoinRequest{j.leaf.name, j.leaf.fingerprint, unixTime(j.expiry), len(j.proof) > 0}
}

// unixTime takes seconds that a stranger chose.
func unixTime(sec uint64) time.Time {
	const last = 1 << 40 // the year 36812: beyond it, as good as never
	return time.Unix(int64(min(sec, last)), 0)
}

package group

import (
	"crypto/ed25519"
)

// inviteSeed is the secret of an invite link, 32 bytes: who holds it may ask
// to join. It stays behind a pointer so that nothing prints it.
type inviteSeed struct{ secret *[32]byte }

func newInviteSeed(secret []byte) *inviteSeed {
	s := [32]byte(secret)
	return &inviteSeed{&s}
}

// proofKey is the key whose public half stands in the policy; nil for no seed.
func (s *inviteSeed) proofKey() ed25519.PrivateKey {
	if s == nil {
		return nil
	}
	return ed25519.NewKeyFromSeed(kdf(s.secret[:], labelInviteSigning, nil))
}

func (s *inviteSeed) public() [32]byte {
	return [32]byte(s.proofKey().Public().(ed25519.PublicKey))
}

// welcomeSalt keeps a welcome from whoever does not know the link.
func (s *inviteSeed) welcomeSalt() []byte {
	return kdf(s.secret[:], labelInviteWelcome, nil)
}

func (s *inviteSeed) matches(public [32]byte) bool { return s != nil && s.public() == public }

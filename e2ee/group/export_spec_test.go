package group

import "github.com/parley-e2ee/parley/envelope/compositekem"

// SpecAwait has a member wait for its Join to be served, as if it had just
// made it: frame, and the private halves behind it.
func SpecAwait(m *Member, frame, leafKeys, initKey []byte, link *Invitation) (err error) {
	r := &ownJoin{}
	if r.join, err = parseJoin(frame, m.public.room); err != nil {
		return err
	}
	if r.keys.leaf, err = parseLeafKeys(leafKeys); err != nil {
		return err
	}
	if r.keys.init, err = compositekem.NewDecapsulationKey(initKey); err != nil {
		return err
	}
	if len(r.join.proof) > 0 {
		r.seed = link.seed
	}
	m.s.request = r
	return nil
}

// Package group is Parley's room protocol as pure state machines: frames in,
// events and frames out. It implements spec/room-v1.md, a flat continuous
// group key agreement with the commit, epoch and key schedule of MLS (RFC
// 9420) and one RSA+ML-KEM encapsulation per member in place of its tree.
//
// It is for those who write clients, relays' operator tools and verifiers.
// Applications use package e2ee, which adds relay, store and clock.
//
// [Public] is what anyone computes from a log: an operator who wants to know
// who is in a room feeds it the frames, in order:
//
//	p := group.NewPublic(room)
//	for each frame {
//		events, err := p.Apply(frame) // err: the frame is void, and why
//	}
//
// [Member] adds the secrets of one participant. [Create] starts a room and
// [Enter] a newcomer; [RestoreMember] continues from a store. Whatever a
// Member is asked to do (Join, Seal, Commit, Leave, Remove) leaves frames in
// Unechoed. The order is always: store what Changes returns, append Unechoed
// to the log, and Apply what comes back:
//
//	n, err := m.Seal(queue, now)
//	store(m.Changes())
//	for _, frame := range m.Unechoed() { relay.Append(room, frame) }
//
// Which commit wins, who is in and which message counts is decided by Public's
// rules alone, so all who read the same log agree, with keys or without.
//
// # What must be secret
//
// The secret Records of a Member, an [Invitation]'s secret, and the key behind
// an [Identity]. None of them prints itself. Secrets are overwritten when they
// are used up or replaced; the Go runtime may hold copies that this package
// cannot reach.
//
// # Compatibility
//
// The public rules are consensus: a later version that judges a frame of
// version 1 differently would split rooms. They do not change.
package group

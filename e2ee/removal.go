package e2ee

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Leave asks to go, and returns once the request is in the log: Left follows
// when a member who stays has changed the keys, and NotSent for each message
// that was not sent by then. It returns ErrLastAdmin for the last admin, who
// calls SetAdmins first, or Forget where nobody else is in the room.
func (r *Room) Leave(ctx context.Context) error {
	return r.remove(ctx, func() (group.Membership, error) {
		self, ok := r.member.Self()
		switch {
		case !ok:
			return group.Membership{}, ErrNotMember
		case r.member.Public().PendingAgainst(self.Membership):
			return self.Membership, group.ErrRepeated
		}
		return self.Membership, r.member.Leave()
	})
}

// Remove has an admin remove a member by name, with ban for good, and returns
// once the request is in the log. The commit that serves it also makes every
// invite link useless. It returns ErrNotAdmin, ErrNotMember, ErrLastAdmin.
func (r *Room) Remove(ctx context.Context, name string, ban bool) error {
	return r.remove(ctx, func() (group.Membership, error) {
		who, ok := r.member.Public().Lookup(name)
		if !ok {
			return group.Membership{}, ErrNotMember
		}
		return who.Membership, r.member.Remove(who.Membership, ban)
	})
}

// remove makes and stores a Leave or Remove frame, and waits until it is in
// the log. One that was made before, and that is on its way or there, will do.
func (r *Room) remove(ctx context.Context, act func() (group.Membership, error)) error {
	target, frame, err := r.makeRemoval(ctx, act)
	if err != nil {
		return err
	}
	return r.wait(ctx, func() (bool, error) {
		p := r.member.Public()
		switch {
		case frame == nil:
			return p.PendingAgainst(target) || !p.Has(target) || r.isOver(), nil
		case slices.ContainsFunc(r.member.Unechoed(), func(f []byte) bool { return bytes.Equal(f, frame) }):
			return false, nil
		case p.PendingAgainst(target) || !p.Has(target) || r.member.Status() == group.Gone:
			return true, nil // or somebody else was first
		case r.refused[target] != nil:
			return true, r.refused[target]
		}
		return true, ErrNotMember // this client is out before it was heard
	})
}

func (r *Room) makeRemoval(ctx context.Context, act func() (group.Membership, error)) (target group.Membership, frame []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(ctx); err != nil {
		return target, nil, err
	}
	before := r.member.Unechoed()
	target, err = act()
	if errors.Is(err, group.ErrInFlight) || errors.Is(err, group.ErrRepeated) {
		return target, nil, nil
	}
	if err != nil {
		return target, nil, err
	}
	delete(r.refused, target)
	for _, f := range r.member.Unechoed() {
		if !slices.ContainsFunc(before, func(g []byte) bool { return bytes.Equal(f, g) }) {
			frame = f
		}
	}
	return target, frame, r.save(ctx, batch{})
}

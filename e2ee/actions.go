package e2ee

import (
	"context"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// SetAdmins makes exactly the named members the room's admins. Like all that
// follow it needs an admin (ErrNotAdmin) and returns once the change is in
// force, or with ctx's error, after which it may still come into force. It
// returns ErrNotMember for a name that is not in the room, or about to go, an
// [*IdentityChangedError] for one that is not whom the pin says, and
// ErrLastAdmin for no name.
func (r *Room) SetAdmins(ctx context.Context, names ...string) error {
	admins, err := r.memberships(names)
	if err != nil {
		return err
	}
	return r.change(ctx, group.Changes{Admins: admins})
}

func (r *Room) memberships(names []string) (out []group.Membership, err error) {
	defer r.look()()
	for _, name := range names {
		who, ok := r.member.Public().Lookup(name)
		if !ok || !r.stays(who.Membership) {
			return nil, ErrNotMember
		}
		if err := r.client.conflict(who.Name, who.Fingerprint); err != nil {
			return nil, err
		}
		out = append(out, who.Membership)
	}
	if len(out) == 0 {
		return nil, ErrLastAdmin
	}
	return out, nil
}

// stays reports a member with nothing pending against it. r.mu is held.
func (r *Room) stays(m group.Membership) bool {
	p := r.member.Public()
	return p.Has(m) && !p.PendingAgainst(m)
}

// SetAdmission changes who may come in: Invite, Open or Admins.
func (r *Room) SetAdmission(ctx context.Context, mode group.Admission) error {
	return r.change(ctx, group.Changes{Admission: mode})
}

// RotateInvite makes every invite link of before useless.
func (r *Room) RotateInvite(ctx context.Context) error {
	return r.change(ctx, group.Changes{Rotate: true})
}

// Unban lets banned identities ask again.
func (r *Room) Unban(ctx context.Context, keys ...group.IdentityKey) error {
	return r.change(ctx, group.Changes{Unban: keys})
}

// ReplaceKeys starts an epoch with new leaf keys for this client, so that a
// passive thief of the old ones reads nothing that follows. Every member may.
func (r *Room) ReplaceKeys(ctx context.Context) error {
	return r.change(ctx, group.Changes{NewKeys: true})
}

// change has the sending loop commit, and waits for it.
func (r *Room) change(ctx context.Context, changes group.Changes) error {
	c := &change{changes: changes}
	if err := r.want(ctx, c); err != nil {
		return err
	}
	err := r.wait(ctx, func() (bool, error) { return c.done, c.err })
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sending.withdraw(c)
	}
	return err
}

func (r *Room) want(ctx context.Context, c *change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(ctx); err != nil {
		return err
	}
	if r.isOver() {
		return ErrNotMember
	}
	r.sending.wanted = append(r.sending.wanted, c)
	r.kick()
	return nil
}

// rejoinFor is for how long a request for new keys stands.
const rejoinFor = 24 * time.Hour

// Rejoin asks for new keys, where this client lost them or is a new device
// (ErrConfirmation), once the room's log has been read. Entered is the event
// that says it has them, Waiting and JoinFailed that it has not. It returns
// ErrNotMember for who is in the room no longer, ErrRoomLost where by the log
// nobody else is in it, and group.ErrOperation for who has keys.
func (r *Room) Rejoin(ctx context.Context) error {
	if err := r.wait(ctx, func() (bool, error) { return r.caughtUp || r.isOver(), nil }); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(ctx); err != nil {
		return err
	}
	if r.isOver() {
		return ErrNotMember
	}
	switch {
	case r.strayed():
		return ErrNotMember
	case r.alone():
		return ErrRoomLost
	}
	if err := r.member.Join(time.Now().Add(rejoinFor)); err != nil {
		return err
	}
	return r.save(ctx, batch{})
}

// AcknowledgeFork lets messages go out again after a Warning with ErrForked.
func (r *Room) AcknowledgeFork(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.member.AcknowledgeFork()
	return r.save(ctx, batch{})
}

package e2ee

import (
	"context"
	"errors"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

// Admission modes of a room.
const (
	// Invite, the default, lets in who has the invite link of the moment.
	Invite = group.Invite
	// Open lets in everybody, in sight of all members.
	Open = group.Open
	// Admins lets in whom an admin's client lets in.
	Admins = group.Admins
)

// RoomOptions are a new room's.
type RoomOptions struct {
	// Admission is Invite, Open or Admins [Invite].
	Admission group.Admission
	// Unlisted keeps the room out of the directory: it is found by link alone.
	Unlisted bool
	// Replaces is a room that is lost ([ErrRoomLost]) or over, or that nobody
	// shall find any more: where the directory lists it, the new one takes its
	// place. Nothing happens to it, and nobody is moved; send the new link to
	// whom you trust.
	Replaces *Room
}

// JoinOptions say how to ask.
type JoinOptions struct {
	// Expiry is for how long the request stands [24 hours].
	Expiry time.Duration
}

// Create makes a room of this name with this client as its only member and
// admin, and returns once the relay has it. Where there is a directory that
// lists another room of the name, it returns ErrRoomListed; where listing the
// new one fails, a Warning with ErrNotListed comes. If ctx ends first, so does
// the attempt. Options may be nil.
func (c *Client) Create(ctx context.Context, name string, opts *RoomOptions) (*Room, error) {
	o := RoomOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Admission == 0 {
		o.Admission = Invite
	}
	if !usableName(name) {
		return nil, ErrName
	}
	listed := c.cfg.Directory != nil && !o.Unlisted
	if listed {
		switch address, err := c.cfg.Directory.Lookup(ctx, roomName(name)); {
		case err == nil && (o.Replaces == nil || o.Replaces.id.String() != string(address)):
			return nil, ErrRoomListed
		case err == nil:
		case !errors.Is(err, transport.ErrNotFound):
			return nil, err
		}
	}
	r, err := c.create(ctx, name, o.Admission)
	if err != nil {
		return nil, err
	}
	if listed && c.cfg.Directory.Publish(ctx, roomName(name), []byte(r.id.String())) != nil {
		return r, r.tell(context.WithoutCancel(ctx), Warning{Reason: ErrNotListed})
	}
	return r, nil
}

func (c *Client) create(ctx context.Context, name string, mode group.Admission) (*Room, error) {
	m, err := group.Create(c.identity.secret().group, name, mode)
	if err != nil {
		return nil, err
	}
	r, err := c.newRoom(ctx, m, intent{Name: name})
	if err != nil {
		return nil, err
	}
	if err := r.wait(ctx, func() (bool, error) { return r.member.Status() == group.Active, nil }); err != nil {
		return nil, c.giveUp(ctx, r, err)
	}
	return r, nil
}

// Join finds a room by its bare name and asks to enter it. The directory's
// word is all there is for which room that is, so a Warning with ErrBareName
// comes first: compare authenticators. It returns ErrNoDirectory, ErrName,
// ErrNoRoom and the directory's errors; see JoinLink for the rest.
func (c *Client) Join(ctx context.Context, name string, opts *JoinOptions) (*Room, error) {
	if c.cfg.Directory == nil {
		return nil, ErrNoDirectory
	}
	if !usableName(name) {
		return nil, ErrName
	}
	raw, err := c.cfg.Directory.Lookup(ctx, roomName(name))
	if errors.Is(err, transport.ErrNotFound) {
		return nil, ErrNoRoom
	}
	if err != nil {
		return nil, err
	}
	id, err := group.ParseRoomID(string(raw))
	if err != nil {
		return nil, ErrNoRoom
	}
	return c.enter(ctx, id, nil, opts, Warning{Reason: ErrBareName})
}

// JoinLink asks to enter the room of an invite link. It returns once the
// request stands in the room's log, or, with the reason, once the log says that
// nobody can serve it: ErrInviteNeeded, ErrInviteExpired, ErrBanned,
// ErrNameTaken and others of package group; then the room is forgotten. Entered
// is the event that says this client is in; Waiting, that nobody has served it.
// If ctx ends first, so does the attempt, and the error wraps what the relay
// last said. group.ErrNotCreated means that this relay has no such room. Who is
// pinned under this client's name by a member as somebody else waits until that
// member accepts the new identity. ErrLink reports text that is no link,
// ErrInRoom a room that this client is in or asks to enter; one that it left,
// or that did not let it in, is forgotten first. Options may be nil.
func (c *Client) JoinLink(ctx context.Context, link string, opts *JoinOptions) (*Room, error) {
	inv, err := ParseLink(link)
	if err != nil {
		return nil, err
	}
	return c.enter(ctx, inv.Room, inv, opts)
}

func (c *Client) enter(ctx context.Context, id group.RoomID, inv *group.Invitation, opts *JoinOptions, first ...Event) (*Room, error) {
	expiry := 24 * time.Hour
	if opts != nil && opts.Expiry > 0 {
		expiry = opts.Expiry
	}
	release, err := c.reserve(id)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := c.leaveBehind(ctx, id); err != nil {
		return nil, err
	}
	m, err := group.Enter(c.identity.secret().group, id, inv)
	if err != nil {
		return nil, err
	}
	r, err := c.newRoom(ctx, m, intent{Join: true, Expiry: expiry}, first...)
	if err != nil {
		return nil, err
	}
	if err := r.wait(ctx, r.asked); err != nil {
		return nil, c.giveUp(ctx, r, err)
	}
	return r, nil
}

// asked reports that the request stands in the log, or that there is none to
// wait for.
func (r *Room) asked() (bool, error) {
	_, logged := r.member.Asked()
	return logged || r.member.Status() != group.Joining, r.intent.failure()
}

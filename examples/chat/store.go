package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// converseIn is converse with a folder in which everything outlives the program: a
// store for each person, NAME.db with NAME.db.keys, and relay.log, which is the
// server's.
//
// What was opened last is closed first: the people, who still write, then the relay,
// then the stores. Nothing is lost where none of that happens.
func converseIn(ctx context.Context, folder string, pass *passphrase, out *printer, in *bufio.Scanner, name string) (err error) {
	if strings.EqualFold(name, "Bob") {
		name = "Bob"
	}
	names := atDesk(name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := pass.ask(ctx, folder); err != nil {
		return err
	}
	defer clear(pass.bytes)
	stores := make(map[string]*keystore.File)
	for _, name := range bobFirst(names) {
		store, openErr := openStore(ctx, storePath(folder, name), pass)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		stores[name] = store
	}
	relay, err := openServer(filepath.Join(folder, "relay.log"), newOperator(out))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, relay.Close()) }()
	d := &desk{out: out}
	for _, name := range names {
		p, err := newPerson(ctx, name, stores[name], relay, out)
		if err != nil {
			return explain(storePath(folder, name), err)
		}
		defer p.part()
		d.people = append(d.people, p)
	}
	if err := pin(ctx, d.people...); err != nil {
		return err
	}
	if err := reunite(ctx, d.people[0], d.people[1]); err != nil {
		return err
	}
	return d.run(ctx, in)
}

// pin has everybody look the others up: the first time that is who they are from
// then on, and later it is compared with that.
func pin(ctx context.Context, people ...*person) error {
	for _, p := range people {
		for _, other := range people {
			if p == other {
				continue
			}
			if _, err := p.Lookup(ctx, other.Name()); err != nil {
				return fmt.Errorf("%s looks up %s: %w", p.Name(), other.Name(), err)
			}
		}
	}
	return nil
}

// bobFirst is the order in which stores are opened. Everybody here sits with Bob, so
// that his store, which has one owner, keeps a second process out of the folder.
func bobFirst(names []string) []string {
	if names[1] == "Bob" {
		return []string{names[1], names[0]}
	}
	return names
}

// storePath is in the folder whatever the name.
func storePath(folder, name string) string {
	return filepath.Join(folder, url.PathEscape(name)+".db")
}

// openStore opens a store, or makes it where there is none.
func openStore(ctx context.Context, path string, pass *passphrase) (*keystore.File, error) {
	store, err := keystore.Open(path, pass.unlock(), nil)
	if errors.Is(err, fs.ErrNotExist) {
		if err := pass.confirm(ctx); err != nil {
			return nil, err
		}
		store, err = keystore.Create(path, pass.unlock(), nil)
	}
	if err != nil {
		return nil, explain(path, err)
	}
	pass.sure = true
	return store, nil
}

// explain says what to do about a store that does not open.
func explain(path string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, keystore.ErrLocked):
		advice = "another chat is using this folder: end that one, or take another folder"
	case errors.Is(err, keystore.ErrPassphrase):
		advice = "try again; without the passphrase nobody can read what is in there"
	case errors.Is(err, keystore.ErrCorrupt), errors.Is(err, e2ee.ErrState):
		// From the relay's log an old store learns what it sent since, and gets new
		// keys. With an old log it would use the same keys again.
		advice = "nothing was changed; put back a copy of it and its .keys, made while no chat ran, but leave relay.log as it is; or start over in another folder"
	case errors.Is(err, keystore.ErrVersion):
		advice = "a newer program made it: use that"
	case errors.Is(err, e2ee.ErrNameTaken):
		advice = "the relay knows somebody of this name, whose store is not here: put that back, or take another name"
	case errors.Is(err, e2ee.ErrName):
		advice = "take another name"
	default:
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("%s: %w\n      %s", path, err, advice)
}

// reunite has both people in one room: the one that both are in, one that either is
// in, or a new one. Whoever is not in it gets the link from the other, as by mail.
func reunite(ctx context.Context, you, friend *person) error {
	yours, err := you.inside()
	if err != nil {
		return err
	}
	theirs, err := friend.inside()
	if err != nil {
		return err
	}
	for _, mine := range yours {
		for _, same := range theirs {
			if mine.ID() == same.ID() {
				return errors.Join(you.back(ctx, mine), friend.back(ctx, same))
			}
		}
	}
	switch {
	case len(yours) > 0:
		err = you.back(ctx, yours[0])
	case len(theirs) > 0:
		you, friend = friend, you
		err = you.back(ctx, theirs[0])
	default:
		err = you.found(ctx)
	}
	if err != nil {
		return err
	}
	return friend.follow(ctx, you)
}

// inside lists the rooms that the person is in.
func (p *person) inside() (in []*e2ee.Room, err error) {
	rooms, err := p.Rooms()
	for _, r := range rooms {
		if s := r.Status(); s == group.Active || s == group.NoKeys {
			in = append(in, r)
		}
	}
	return in, err
}

// back goes on in a room of an earlier run. What has not been read comes first.
func (p *person) back(ctx context.Context, r *e2ee.Room) error {
	p.room = r
	p.out.line(p.Name(), "[You] are back in the "+r.Name()+" room.")
	if r.Status() == group.NoKeys {
		return p.rejoin(ctx)
	}
	return nil
}

// found creates a room, which is not in the directory: the link is how to get in.
func (p *person) found(ctx context.Context) (err error) {
	p.room, err = p.Create(ctx, roomName, &e2ee.RoomOptions{Admission: e2ee.Open, Unlisted: true})
	if err != nil {
		return err
	}
	return p.see(ctx, is[e2ee.Entered])
}

// follow enters the room that the host is in.
func (p *person) follow(ctx context.Context, host *person) error {
	link, err := host.room.InviteLink()
	if err != nil {
		return err
	}
	p.room, err = p.JoinLink(ctx, link, nil)
	if errors.Is(err, e2ee.ErrInRoom) { // asked already, in a run that was killed
		p.room, err = p.Room(host.room.ID())
	}
	if err != nil {
		return err
	}
	return p.see(ctx, answered)
}

// answered is the end of a request to enter.
func answered(ev e2ee.Event) bool { return is[e2ee.Entered](ev) || is[e2ee.JoinFailed](ev) }

// part ends a person's client. What did not reach the relay is in the store.
func (p *person) part() {
	var unsent *e2ee.UnsentError
	if err := p.Close(); errors.As(err, &unsent) {
		p.out.line(p.Name(), fmt.Sprintf("(Messages that go out next time: %d)", len(unsent.Queued)+len(unsent.Sealed)))
	}
}

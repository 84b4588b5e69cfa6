package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

const roomName = "Secure"

// person is somebody with a client in the room.
type person struct {
	*e2ee.Client
	room *e2ee.Room
	out  *printer
	gone chan struct{} // closed once it has left
	stop func()        // ends watching, if somebody is
}

// newPerson makes a client. It is who the store says, or somebody new.
func newPerson(ctx context.Context, name string, store keystore.Store, relay server, out *printer) (*person, error) {
	client, err := e2ee.NewClient(ctx, e2ee.Config{
		Name: name, Store: store, Relay: relay, Directory: relay,
	})
	return &person{Client: client, out: out, gone: make(chan struct{})}, err
}

// open creates the room; whoever knows its name may join.
func (p *person) open(ctx context.Context) (err error) {
	p.room, err = p.Create(ctx, roomName, &e2ee.RoomOptions{Admission: e2ee.Open})
	return err
}

func (p *person) enter(ctx context.Context) (err error) {
	p.room, err = p.Join(ctx, roomName, nil)
	return err
}

// see prints events up to the first that last accepts, or all of them.
func (p *person) see(ctx context.Context, last func(e2ee.Event) bool) error {
	for ev, err := range p.room.Events(ctx) {
		if err != nil {
			return err
		}
		if text := describe(ev); text != "" {
			p.out.line(p.Name(), text)
		}
		if w, ok := ev.(e2ee.Warning); ok && errors.Is(w.Reason, e2ee.ErrConfirmation) {
			if err := p.rejoin(ctx); err != nil {
				return err
			}
		}
		if last(ev) {
			break
		}
	}
	return nil
}

// rejoin gets new keys from the others, for who has none: a store from a backup is
// older than the room, and its keys are not used again.
func (p *person) rejoin(ctx context.Context) error {
	err := p.room.Rejoin(ctx)
	if errors.Is(err, group.ErrInFlight) || errors.Is(err, group.ErrOperation) {
		return nil // asked already, or has them by now
	}
	return err
}

// watch has events printed from now on. One counts as read when the body of see's
// loop ends: who is killed just before that sees it once more. A program that counts
// or files messages knows that one by its ID.
func (p *person) watch(ctx context.Context) {
	if p.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	p.stop = func() {
		cancel()
		<-ended
		p.stop = nil
	}
	go func() {
		defer close(ended)
		switch err := p.see(ctx, gone); {
		case err == nil:
			close(p.gone)
		case ctx.Err() == nil && !errors.Is(err, e2ee.ErrClosed):
			p.out.line(p.Name(), fmt.Sprintf("(Nothing can be read any more: %v)", err))
		}
	}()
}

// away leaves what comes unread, in the store, until somebody watches again.
func (p *person) away() {
	if p.stop != nil {
		p.stop()
	}
}

// describe is an event in words, or nothing for what needs none.
func describe(ev e2ee.Event) string {
	switch ev := ev.(type) {
	case e2ee.Entered:
		return "[You] has entered the " + roomName + " room."
	case e2ee.Message:
		return fmt.Sprintf("[%s] %s", ev.From, ev.Text)
	case e2ee.Joined:
		return fmt.Sprintf("[%s] has entered the %s room.", ev.Who, roomName)
	case e2ee.Left:
		if ev.You {
			return "[You] has left the " + roomName + " room."
		}
		return fmt.Sprintf("[%s] has left the %s room.", ev.Who, roomName)
	case e2ee.Removed:
		return fmt.Sprintf("[%s] was removed by %s.", ev.Who, ev.By)
	case e2ee.PolicyChanged:
		return fmt.Sprintf("[%s] changed the rules of the room.", ev.By)
	case e2ee.Undecryptable:
		return fmt.Sprintf("[%s] sent something that cannot be read: %v", ev.From, ev.Reason)
	case e2ee.NotSent:
		return fmt.Sprintf("(A message was not sent: %v)", ev.Reason)
	case e2ee.JoinFailed:
		return fmt.Sprintf("You were not let in: %v", ev.Reason)
	case e2ee.Waiting:
		return "Waiting to be let in."
	case e2ee.Warning:
		return warning(ev)
	}
	return ""
}

func warning(ev e2ee.Warning) string {
	if errors.Is(ev.Reason, e2ee.ErrBareName) {
		return "(The room was found by its name alone: compare authenticators.)"
	}
	if ev.Who.Name != "" {
		return fmt.Sprintf("(Warning about %s: %v)", ev.Who, ev.Reason)
	}
	return fmt.Sprintf("(Warning: %v)", ev.Reason)
}

// is makes a stop sign for see out of an event's type.
func is[E e2ee.Event](ev e2ee.Event) bool {
	_, ok := ev.(E)
	return ok
}

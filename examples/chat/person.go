package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

const roomName = "Secure"

// person is somebody with a client in the room.
type person struct {
	*e2ee.Client
	room *e2ee.Room
	out  *printer
	gone chan struct{} // closed once it has left
}

// newPerson makes a client whose keys are forgotten when the program ends.
func newPerson(ctx context.Context, name string, relay *transport.Memory, out *printer) (*person, error) {
	client, err := e2ee.NewClient(ctx, e2ee.Config{
		Name: name, Store: keystore.NewMemory(), Relay: relay, Directory: relay,
	})
	return &person{Client: client, out: out}, err
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
		if last(ev) {
			break
		}
	}
	return nil
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

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

const help = "/as NAME switches who types; /away, /safety, /members, /leave, /quit"

// desk is the interactive room: two people, one of whom types.
type desk struct {
	out    *printer
	people []*person
	typing *person
}

// converse has two people meet and carries out what is typed. All is forgotten when
// it ends.
func converse(ctx context.Context, out *printer, in *bufio.Scanner, name string) error {
	relay := transport.NewMemory(&transport.MemoryOptions{Observe: newOperator(out).observe})
	defer relay.Close()
	d := &desk{out: out}
	for _, name := range atDesk(name) {
		p, err := newPerson(ctx, name, keystore.NewMemory(), relay, out)
		if err != nil {
			return err
		}
		defer p.Close()
		d.people = append(d.people, p)
	}
	if err := meet(ctx, d.people[0], d.people[1]); err != nil {
		return err
	}
	return d.run(ctx, in)
}

// atDesk is whoever was named, and a friend.
func atDesk(name string) []string {
	if strings.EqualFold(name, "Bob") {
		return []string{name, "Alice"}
	}
	return []string{name, "Bob"}
}

// run has everybody watch while lines are read.
func (d *desk) run(ctx context.Context, in *bufio.Scanner) error {
	d.typing = d.people[0]
	for _, p := range d.people {
		p.watch(ctx)
		defer p.away()
	}
	d.out.line("", help)
	return d.read(ctx, in)
}

// gone is the last thing that somebody sees of a room.
func gone(ev e2ee.Event) bool {
	left, ok := ev.(e2ee.Left)
	return ok && left.You
}

// read goes on until /quit, the end of the input, or ctx.
func (d *desk) read(ctx context.Context, in *bufio.Scanner) error {
	lines := make(chan string)
	go func() { // ends with the input; a terminal's never may, so nobody waits
		defer close(lines)
		for in.Scan() {
			select {
			case lines <- strings.TrimSpace(in.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok || line == "/quit" {
				return in.Err()
			}
			if err := d.do(ctx, line); err != nil {
				d.out.line("", err.Error())
			}
		}
	}
}

// do carries out one line.
func (d *desk) do(ctx context.Context, line string) error {
	command, argument, _ := strings.Cut(line, " ")
	switch {
	case line == "":
		return nil
	case command == "/as":
		return d.as(ctx, strings.TrimSpace(argument))
	case line == "/away":
		d.typing.away()
		d.out.line(d.typing.Name(), "[You] are away: messages stay unread until /as "+d.typing.Name())
		return nil
	case line == "/safety":
		return compare(ctx, d.people...)
	case line == "/members":
		for _, who := range d.typing.room.Members() {
			d.out.line(d.typing.Name(), fmt.Sprintf("%s %s", who, adminMark(who)))
		}
		return nil
	case line == "/leave":
		return d.leave(ctx)
	case strings.HasPrefix(line, "/"):
		d.out.line("", help)
		return nil
	}
	_, err := d.typing.room.Send(ctx, []byte(line))
	return err
}

func adminMark(p e2ee.Person) string {
	if p.Admin {
		return "(admin)"
	}
	return ""
}

// as has somebody else type, who is not away any more.
func (d *desk) as(ctx context.Context, name string) error {
	for _, p := range d.people {
		if strings.EqualFold(p.Name(), name) {
			d.typing = p
			p.watch(ctx)
			return nil
		}
	}
	return fmt.Errorf("nobody here is called that")
}

// leave hands the room over first, where the one who types is its last admin.
// A room without anybody else is forgotten instead.
func (d *desk) leave(ctx context.Context) error {
	p := d.typing
	p.watch(ctx) // to see that it is done
	err := p.room.Leave(ctx)
	if errors.Is(err, e2ee.ErrLastAdmin) {
		heir := d.heir()
		if heir == "" {
			d.out.line(p.Name(), "[You] was the last one in the room; it is gone.")
			return p.Forget(ctx, p.room)
		}
		if err = p.room.SetAdmins(ctx, heir); err == nil {
			err = p.room.Leave(ctx)
		}
	}
	if err != nil {
		return err
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
	}
	return nil
}

// heir is somebody else who has not left.
func (d *desk) heir() string {
	for _, p := range d.people {
		select {
		case <-p.gone:
		default:
			if p != d.typing {
				return p.Name()
			}
		}
	}
	return ""
}

package main

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

// operator is who runs the relay. It keeps every frame and computes what
// anybody can: who is in which room, and who sent something, of what size.
type operator struct {
	out    *printer
	mu     sync.Mutex
	past   bool // what comes was reported in an earlier run
	rooms  map[string]*group.Public
	frames [][]byte
}

func newOperator(out *printer) *operator {
	return &operator{out: out, rooms: make(map[string]*group.Public)}
}

// observe is the relay's hook: it gets every frame, in each room's order.
func (o *operator) observe(address string, f transport.Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frames = append(o.frames, bytes.Clone(f.Payload))
	room := o.rooms[address]
	if room == nil {
		id, err := group.ParseRoomID(address)
		if err != nil {
			return
		}
		room = group.NewPublic(id)
		o.rooms[address] = room
	}
	events, err := room.Apply(f.Payload)
	if o.past {
		return
	}
	if err != nil {
		o.out.line("relay", fmt.Sprintf("Void frame in room %s: %v", room.RoomName(), err))
	}
	for _, ev := range events {
		o.report(room.RoomName(), ev, f.Payload)
	}
}

// recall has what replay feeds to the operator noted without a word.
func (o *operator) recall(replay func() error) error {
	o.past = true
	defer func() { o.past = false }()
	err := replay()
	if len(o.frames) > 0 {
		o.out.line("relay", fmt.Sprintf("Has %d frames of earlier runs", len(o.frames)))
	}
	return err
}

func (o *operator) report(room string, ev group.Event, frame []byte) {
	switch ev := ev.(type) {
	case group.Created:
		o.out.line("relay", fmt.Sprintf("%s joined room %s", ev.By, room))
	case group.Committed:
		for _, who := range ev.Added {
			o.out.line("relay", fmt.Sprintf("%s joined room %s", who, room))
		}
		for _, gone := range ev.Removed {
			o.out.line("relay", fmt.Sprintf("%s left room %s", gone.Who, room))
		}
	case group.Accepted:
		o.out.line("relay", fmt.Sprintf("Relayed encrypted message in room %s from %s", room, ev.From))
		o.out.line("relay", fmt.Sprintf("  % x ...", frame[:24]))
	}
}

// prove looks for each text in every frame that the relay was given.
func (o *operator) prove(texts [][]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := 0
	for _, frame := range o.frames {
		size += len(frame)
		for _, text := range texts {
			if bytes.Contains(frame, text) {
				return fmt.Errorf("a frame on the relay contains a plaintext")
			}
		}
	}
	o.out.line("proof", fmt.Sprintf("none of the %d frames (%d bytes) on the relay contains any of the %d texts sent", len(o.frames), size, len(texts)))
	return nil
}

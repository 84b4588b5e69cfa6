package transporttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/parley-e2ee/parley/transport"
)

// lookalikes returns names that a careless relay takes for one another.
func lookalikes() []string {
	base := newName()
	return []string{
		base, strings.ToUpper(base), base + "/", base + "/a", base + " ", " " + base,
		base + ".", base + ".*", base + "%", base + "%20", base[:63], "room:" + base, "id:" + base, base + "é", base + "e\u0301",
	}
}

func checkRoomsAreSeparate(ctx context.Context, relay transport.Relay) error {
	rooms := lookalikes()
	content := func(room string, seq uint64) []byte { return fmt.Appendf(nil, "%q %d", room, seq) }
	const frames = 5
	live := make([]*reader, len(rooms))
	for i, room := range rooms {
		live[i] = subscribe(ctx, relay, room, 0)
		defer live[i].abandon()
	}
	for want := uint64(1); want <= frames; want++ {
		for i, room := range rooms {
			seq, err := relay.Append(ctx, room, content(room, want))
			if err != nil {
				return fmt.Errorf("append to name %d: %w", i, err)
			}
			if seq != want {
				return fmt.Errorf("append to one of several rooms returned %d, want %d", seq, want)
			}
		}
	}
	for i, room := range rooms {
		for seq := uint64(1); seq <= frames; seq++ {
			if err := live[i].expect(seq, content(room, seq)); err != nil {
				return fmt.Errorf("one of several rooms: %w", err)
			}
		}
		if err := live[i].end(); err != nil {
			return fmt.Errorf("one of several rooms: %w", err)
		}
		if err := expectHead(ctx, relay, room, frames); err != nil {
			return fmt.Errorf("one of several rooms: %w", err)
		}
	}
	return nil
}

// badNames are what transport.CheckName refuses.
var badNames = []string{
	"", strings.Repeat("x", transport.MaxName+1), "a\x00b", "a\nb", "\x7f", "a\u0085", "a\u009f", "\xff", "a\xc3", "\xed\xa0\x80",
}

// goodNames returns fresh names at the edges of what CheckName allows.
func goodNames() []string {
	unique := newName()
	return []string{
		unique,
		unique + strings.Repeat("x", transport.MaxName-len(unique)),
		unique + " ~\u00a0\u2028'\"\\/?#%&",
		unique + "Zürich \U0001f512",
	}
}

func checkRoomNames(ctx context.Context, relay transport.Relay) error {
	for i, room := range badNames {
		if _, err := relay.Append(ctx, room, payload(1)); !errors.Is(err, transport.ErrBadName) {
			return fmt.Errorf("append to bad name %d: got %v, want ErrBadName", i, err)
		}
		if _, err := relay.Head(ctx, room); !errors.Is(err, transport.ErrBadName) {
			return fmt.Errorf("head of bad name %d: got %v, want ErrBadName", i, err)
		}
		r := subscribe(ctx, relay, room, 0)
		defer r.abandon()
		if err := r.finish(transport.ErrBadName); err != nil {
			return fmt.Errorf("subscription to bad name %d: %w", i, err)
		}
	}
	for i, room := range goodNames() {
		if err := fill(ctx, relay, room, 1, 1); err != nil {
			return fmt.Errorf("good name %d: %w", i, err)
		}
		r := subscribe(ctx, relay, room, 0)
		defer r.abandon()
		if err := expectFrames(r, 1, 1); err != nil {
			return fmt.Errorf("good name %d: %w", i, err)
		}
	}
	return nil
}

// checkAfterAboveHead subscribes above the head of an empty room and of one
// with frames, and above every number there will be.
func checkAfterAboveHead(ctx context.Context, relay transport.Relay) error {
	room := newName()
	early := subscribe(ctx, relay, room, 5)
	defer early.abandon()
	if err := fill(ctx, relay, room, 1, 3); err != nil {
		return err
	}
	late := subscribe(ctx, relay, room, 5)
	defer late.abandon()
	never := subscribe(ctx, relay, room, math.MaxUint64)
	defer never.abandon()
	for _, r := range []*reader{early, late, never} {
		if err := r.quiet(); err != nil {
			return err
		}
	}
	if err := fill(ctx, relay, room, 4, 8); err != nil {
		return err
	}
	for _, r := range []*reader{early, late} {
		if err := expectFrames(r, 6, 8); err != nil {
			return err
		}
		if err := r.end(); err != nil {
			return err
		}
	}
	return errors.Join(never.quiet(), never.end())
}

package transporttest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// TestRelay is all that the tests of a relay of your own have to say.
func ExampleConformance() {
	TestRelay := func(t *testing.T) {
		transporttest.Conformance(t, func(t *testing.T) transport.Relay {
			relay := transport.NewMemory(nil) // yours here
			t.Cleanup(func() { _ = relay.Close() })
			return relay
		})
	}
	_ = TestRelay
	// Output:
}

// A journal is an application: it keeps the lines of a room, each once.
type journal struct {
	relay transport.Relay
	lines []string
}

func (j *journal) write(ctx context.Context, line string) error {
	_, err := j.relay.Append(ctx, "journal", []byte(line))
	return err
}

// catchUp reads to the head. It knows no lie.
func (j *journal) catchUp(ctx context.Context) error {
	head, err := j.relay.Head(ctx, "journal")
	if err != nil || uint64(len(j.lines)) == head {
		return err
	}
	for f, err := range j.relay.Subscribe(ctx, "journal", uint64(len(j.lines))) {
		if err != nil {
			return err
		}
		if j.lines = append(j.lines, string(f.Payload)); f.Seq == head {
			return nil
		}
	}
	return nil
}

// What does an application's reader do when its relay doubles a frame, breaks
// off, and withholds from one?
func ExampleMisbehave() {
	ctx := context.Background()
	m := transporttest.Misbehave(transport.NewMemory(nil), transporttest.Script{
		{By: "alice", Nth: 2, Do: transporttest.Duplicate()},
		{To: "bob", Nth: 3, Do: transporttest.Drop()},
		{To: "carol", Nth: 2, Do: transporttest.Break(nil)},
	})
	alice, bob, carol := &journal{relay: m.For("alice")}, &journal{relay: m.For("bob")}, &journal{relay: m.For("carol")}
	for _, line := range []string{"one", "two", "three"} {
		if err := alice.write(ctx, line); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(bob.catchUp(ctx), bob.lines)
	fmt.Println(carol.catchUp(ctx), carol.lines)
	m.Behave()
	fmt.Println(carol.catchUp(ctx), carol.lines)
	for _, deed := range m.Deeds() {
		fmt.Println(deed)
	}
	// Output:
	// <nil> [one two three]
	// transporttest: misbehaved [one]
	// <nil> [one two two three]
	// {By: "alice", Room: "journal", Nth: 2, Do: Duplicate()}
	// {To: "bob", Room: "journal", Nth: 3, Do: Drop()}
	// {To: "carol", Room: "journal", Nth: 2, Do: Break(nil)}
}

func ExampleRandom() {
	ctx := context.Background()
	m := transporttest.Misbehave(transport.NewMemory(nil), transporttest.Random(7, 0.2,
		transporttest.Step{Do: transporttest.Drop()},
		transporttest.Step{Do: transporttest.Deny(nil)},
		transporttest.Step{By: "alice", Chance: 0.5, Do: transporttest.Duplicate()},
	))
	alice := m.For("alice")
	for i := range 10 {
		for { // until it is said to be stored
			if _, err := alice.Append(ctx, "room", fmt.Append(nil, i)); err == nil {
				break
			}
		}
	}
	m.Behave()
	head, err := alice.Head(ctx, "room")
	fmt.Println(head, err)
	for _, deed := range m.Deeds() { // print them when a test fails
		fmt.Println(deed)
	}
	// Output:
	// 10 <nil>
	// {By: "alice", Room: "room", Nth: 2, Do: Deny(nil)}
	// {By: "alice", Room: "room", Nth: 7, Do: Drop()}
	// {By: "alice", Room: "room", Nth: 8, Do: Deny(nil)}
	// {By: "alice", Room: "room", Nth: 12, Do: Drop()}
}

package transport_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/transport"
)

func Example() {
	ctx := context.Background()
	relay := transport.NewMemory(nil)
	defer relay.Close()

	for _, frame := range []string{"first", "second", "third"} {
		if _, err := relay.Append(ctx, "room", []byte(frame)); err != nil {
			fmt.Println(err)
		}
	}
	head, err := relay.Head(ctx, "room")
	fmt.Println("head", head, err)

	for f, err := range relay.Subscribe(ctx, "room", 1) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%d %s\n", f.Seq, f.Payload)
		if f.Seq == head {
			break // otherwise it waits for the next
		}
	}
	// Output:
	// head 3 <nil>
	// 2 second
	// 3 third
}

func ExampleMemoryOptions_observe() {
	relay := transport.NewMemory(&transport.MemoryOptions{
		Observe: func(room string, f transport.Frame) {
			fmt.Printf("%s %d: %x\n", room, f.Seq, f.Payload)
		},
	})
	relay.Append(context.Background(), "room", []byte{0xca, 0xfe})
	relay.Append(context.Background(), "room", []byte{0xf0, 0x0d})
	// Output:
	// room 1: cafe
	// room 2: f00d
}

func ExampleTruncatedError() {
	ctx := context.Background()
	relay := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 2, DropOldest: true})
	for range 5 {
		relay.Append(ctx, "room", []byte("frame"))
	}
	for _, err := range relay.Subscribe(ctx, "room", 0) {
		if truncated, ok := errors.AsType[*transport.TruncatedError](err); ok {
			fmt.Println("frames before", truncated.First, "are gone")
		}
	}
	// Output:
	// frames before 4 are gone
}

func ExampleDirectory() {
	ctx := context.Background()
	var dir transport.Directory = transport.NewMemory(nil)
	dir.Publish(ctx, "id:alice", []byte("a signed bundle"))

	bundle, err := dir.Lookup(ctx, "id:alice")
	fmt.Printf("%s %v\n", bundle, err)
	_, err = dir.Lookup(ctx, "id:bob")
	fmt.Println(err)
	// Output:
	// a signed bundle <nil>
	// transport: not found
}

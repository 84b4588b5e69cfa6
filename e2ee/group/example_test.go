package group_test

import (
	"crypto/ed25519"
	"fmt"
	"log"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// An operator has the log of a room and no key: who is in it is public, what
// they say is not.
func ExamplePublic() {
	room, frames := anEvening()

	p := group.NewPublic(room)
	for _, frame := range frames {
		events, err := p.Apply(frame)
		if err != nil {
			fmt.Printf("%d: void: %v\n", p.Position(), err)
		}
		for _, ev := range events {
			switch ev := ev.(type) {
			case group.Created:
				fmt.Printf("%d: %s created %q\n", p.Position(), ev.By, ev.RoomName)
			case group.Requested:
				fmt.Printf("%d: %s asks to join\n", p.Position(), ev.Join.Name)
			case group.Committed:
				fmt.Printf("%d: epoch %d by %s, added %v\n", p.Position(), ev.Epoch, ev.By, ev.Added)
			case group.Accepted:
				fmt.Printf("%d: %s sent %d bytes\n", p.Position(), ev.From, ev.Size)
			}
		}
	}
	for _, who := range p.Roster() {
		fmt.Printf("in the room: %s, admin %v\n", who.Name, who.Admin)
	}

	// Output:
	// 1: alice created "Secure"
	// 2: bob asks to join
	// 3: epoch 1 by alice, added [bob]
	// 4: bob sent 137 bytes
	// 5: void: group: generation was used already
	// in the room: alice, admin true
	// in the room: bob, admin false
}

// anEvening is the log of a room in which bob says hello, twice if the relay
// had its way.
func anEvening() (group.RoomID, [][]byte) {
	now := time.Now()
	var frames [][]byte
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	named := func(name string) group.Identity {
		_, key, err := ed25519.GenerateKey(nil)
		check(err)
		id, err := group.NewIdentity(name, key)
		check(err)
		return id
	}
	alice, err := group.Create(named("alice"), "Secure", group.Open)
	check(err)
	bob, err := group.Enter(named("bob"), alice.Public().RoomID(), nil)
	check(err)
	read := 0
	post := func(m *group.Member) {
		frames = append(frames, m.Unechoed()...)
		for ; read < len(frames); read++ {
			for _, reader := range []*group.Member{alice, bob} {
				_, err := reader.Apply(frames[read], now)
				check(err)
			}
		}
	}
	post(alice)
	check(bob.Join(now.Add(time.Hour)))
	post(bob)
	check(alice.Commit(group.Changes{}, now, nil))
	post(alice)
	_, err = bob.Seal([]group.AppMessage{{Text: []byte("hello")}}, now)
	check(err)
	post(bob)
	return alice.Public().RoomID(), append(frames, frames[3])
}

// Package e2ee is what an application holds of Parley: people who write to
// each other in rooms, end to end encrypted, through a relay that reads
// nothing. It is for those who write chat clients, bots and bridges; who wants
// the protocol alone takes package group.
//
// [NewClient] opens a person's store and goes on where it stopped. From there
// two calls lead to a conversation, [Client.Create] or [Client.JoinLink], and
// two make it: [Room.Send] and [Room.Events].
//
//	alice, err := e2ee.NewClient(ctx, e2ee.Config{Name: "alice", Store: ks, Relay: relay})
//	room, err := alice.Create(ctx, "Secure", nil)
//	id, err := room.Send(ctx, []byte("Test message"))
//	for ev, err := range room.Events(ctx) { … }
//
// # What it promises
//
// A message that Send took is delivered as long as the store lives: to
// everyone in the room, once, in the sender's order. Whatever else happens to
// one is an event that says why. State, outbox and events are stored in one
// transaction before anything leaves, so a process may be killed at any point.
//
// A backup, and what a new device starts from, is [Client.Export]; [Import]
// takes it into an empty store. Copies of a store are none: two that are used
// would send with the same keys.
//
// # Who is who
//
// A name stands for the identity that was first looked up, verified or
// accepted under it; see [Client.Lookup], [Client.Verify] and
// [Client.AcceptIdentity]. Where a room says otherwise, nothing is sent to it.
// Two people who compare [Client.SafetyNumber], or [Room.Authenticator] for a
// whole room, know that nobody is between them.
//
// # What must be secret
//
// The store, and invite links: whoever has one can ask to join. No type of this
// package prints a key or a message that waits to be sent.
package e2ee

// Package transporttest holds what a relay or directory is tested with, and a
// relay that misbehaves on purpose, with which those who use one are tested.
//
// # Does my relay keep the contract?
//
// Who implements [transport.Relay] or [transport.Directory] calls
// [Conformance] or [DirectoryConformance] from a test, with a function that
// makes a fresh one:
//
//	func TestRelay(t *testing.T) {
//		transporttest.Conformance(t, func(t *testing.T) transport.Relay {
//			return dial(t)
//		})
//	}
//
// Each point of the contract is one subtest. Run them under -race too: some of
// what they do shows a fault only there. Rooms and directory entries get random
// names, so that relays may share a server that remembers earlier runs; it must
// let the suite write anywhere. -short makes fewer repetitions of the same
// tests.
//
// Limits of a particular relay (a full room, retention, closing) are outside
// the common contract, and its own tests' business.
//
// # Does my application stand a relay that does not?
//
// [Misbehave] puts a [Liar] around a relay. Give each client its own view of it,
// and say in a [Script] what happens to whom and when:
//
//	relay := transporttest.Misbehave(transport.NewMemory(nil), transporttest.Script{
//		{By: "alice", Nth: 3, Do: transporttest.Drop()},   // what she appends third, nobody gets
//		{To: "bob", From: 5, Do: transporttest.Fork("b")}, // from frame 5 on he reads another history
//	})
//	alice := newClient(relay.For("alice"))
//	bob := newClient(relay.For("bob"))
//
// The functions that return an [Act] are all that it can do. [Liar.Do] adds
// steps while the test runs, [Liar.Inject] puts a frame of the test's own, or
// one of [Liar.Seen], into a room, and [Liar.Behave] ends it all, after which
// the application has to come to rest.
//
// For a test that tries more than anybody thinks of, [Random] draws from
// [Faults], [Lies] or steps of your own, by a seed. Log the seed and, when the
// test fails, [Liar.Deeds]: what was done, as steps that do it again.
//
// A Liar knows no keys: frames and bundles are bytes to it. It runs inside
// testing/synctest and outside. It keeps every frame, and is for tests.
package transporttest

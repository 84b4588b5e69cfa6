// Package transporttest holds what a relay or directory is tested with.
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
package transporttest

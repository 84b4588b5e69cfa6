// Package keystoretest holds what a [keystore.Store] is tested with.
//
// Who implements one calls [Conformance] from a test, with a function that
// makes a fresh, empty store:
//
//	func TestStore(t *testing.T) {
//		keystoretest.Conformance(t, func(t *testing.T) keystore.Store {
//			return open(t, t.TempDir())
//		})
//	}
//
// Each point of the contract is one subtest. Run them under -race too: some of
// what they do shows a fault only there. -short makes fewer repetitions of the
// same tests.
//
// What outlasts a process, and what an erased record leaves behind in a file,
// are outside the common contract: each store's own tests hold them.
package keystoretest

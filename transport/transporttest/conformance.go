package transporttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

// patience is how long one check may take before what it waits for counts as
// never coming.
const patience = 30 * time.Second

// A check is one point of a contract. It returns what it saw broken, so that
// the suite can be tested against what it should catch.
type check[T any] struct {
	name string
	run  func(ctx context.Context, subject T) error
}

// Conformance tests that relays keep the contract of [transport.Relay]. It
// calls new for each of its subtests, which it runs one after another; new may
// use t.Cleanup to close what it made.
func Conformance(t *testing.T, new func(t *testing.T) transport.Relay) {
	runAll(t, relayChecks, new)
}

// DirectoryConformance tests that directories keep the contract of
// [transport.Directory]. It calls new for each of its subtests, which it runs
// one after another.
func DirectoryConformance(t *testing.T, new func(t *testing.T) transport.Directory) {
	runAll(t, directoryChecks, new)
}

func runAll[T any](t *testing.T, checks []check[T], new func(t *testing.T) T) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			subject := new(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := c.run(ctx, subject); err != nil {
				t.Error(err)
			}
		})
	}
}

var relayChecks = []check[transport.Relay]{
	{"SequenceNumbers", checkSequenceNumbers},
	{"StoredFromEveryPosition", checkStored},
	{"StoredThenLive", checkStoredThenLive},
	{"Seam", checkSeam},
	{"ConcurrentAppends", checkConcurrentAppends},
	{"ManySubscribers", checkManySubscribers},
	{"SlowReader", checkSlowReader},
	{"RoomsAreSeparate", checkRoomsAreSeparate},
	{"RoomNames", checkRoomNames},
	{"AfterAboveHead", checkAfterAboveHead},
	{"ContextEnds", checkContextEnds},
	{"ContextEndedBefore", checkContextEndedBefore},
	{"ContextEndsInLoop", checkContextEndsInLoop},
	{"Break", checkBreak},
	{"RangeAgain", checkRangeAgain},
	{"AppendWithEndedContext", checkAppendWithEndedContext},
	{"PayloadSizes", checkPayloadSizes},
	{"PayloadIsCopied", checkPayloadIsCopied},
	{"FramesAreTheReaders", checkFramesAreTheReaders},
	{"NothingLeftRunning", checkNothingLeftRunning},
}

var directoryChecks = []check[transport.Directory]{
	{"PublishLookup", checkPublishLookup},
	{"EntriesAreSeparate", checkEntriesAreSeparate},
	{"EntryNames", checkEntryNames},
	{"BundleSizes", checkBundleSizes},
	{"BundlesAreCopied", checkBundlesAreCopied},
	{"DirectoryContext", checkDirectoryContext},
	{"ConcurrentPublish", checkConcurrentPublish},
}

// newName returns a name that no other run uses, as long as a room's address.
func newName() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// repeat is n, or a tenth of it under -short.
func repeat(n int) int {
	if testing.Short() {
		return max(1, n/10)
	}
	return n
}

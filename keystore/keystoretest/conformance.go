package keystoretest

import (
	"context"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/keystore"
)

// patience is how long one check may take before what it waits for counts as
// never coming.
const patience = 30 * time.Second

// A check is one point of the contract. It returns what it saw broken, so that
// the suite can be tested against what it should catch.
type check struct {
	name string
	run  func(ctx context.Context, store keystore.Store) error
}

// Conformance tests that stores keep the contract of [keystore.Store]. It
// calls new for each of its subtests, which it runs one after another, and
// closes the stores.
func Conformance(t *testing.T, new func(t *testing.T) keystore.Store) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			store := new(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := c.run(ctx, store); err != nil {
				t.Fatal(err) // and no Close, which may wait for what went wrong
			}
			if err := store.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

var checks = []check{
	{"StoreLoadDelete", checkStoreLoadDelete},
	{"OwnWrites", checkOwnWrites},
	{"Scan", checkScan},
	{"ScanWhileWriting", checkScanWhileWriting},
	{"BucketsAreSeparate", checkBucketsAreSeparate},
	{"Sizes", checkSizes},
	{"BadArguments", checkBadArguments},
	{"BytesAreCopied", checkBytesAreCopied},
	{"FailedUpdate", checkFailedUpdate},
	{"PanickingUpdate", checkPanickingUpdate},
	{"GoexitingUpdate", checkGoexitingUpdate},
	{"PanickingView", checkPanickingView},
	{"ViewDoesNotWrite", checkViewDoesNotWrite},
	{"TxIsOver", checkTxIsOver},
	{"UpdatesTakeTurns", checkUpdatesTakeTurns},
	{"ViewsAreConsistent", checkViewsAreConsistent},
	{"ViewBesideUpdate", checkViewBesideUpdate},
	{"UpdateBesideView", checkUpdateBesideView},
	{"ContextEndedBefore", checkContextEndedBefore},
	{"ContextEndsWhileWaiting", checkContextEndsWhileWaiting},
	{"Claim", checkClaim},
	{"Close", checkClose},
	{"CloseDuringView", checkCloseDuringView},
	{"CloseDuringUpdate", checkCloseDuringUpdate},
}

// Two buckets that every check may use.
var (
	plain  = keystore.Bucket{Name: "plain"}
	erased = keystore.Bucket{Name: "erased", Erasable: true}
)

// repeat is n, or a tenth of it under -short.
func repeat(n int) int {
	if testing.Short() {
		return max(1, n/10)
	}
	return n
}

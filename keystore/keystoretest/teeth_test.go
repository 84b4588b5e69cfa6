package keystoretest_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/keystore/keystoretest"
)

// faults are what a store may do wrong, with a check that has to see it.
var faults = map[string]string{
	"nothing for missing":       "StoreLoadDelete",
	"deletion is lost":          "StoreLoadDelete",
	"overwriting is lost":       "StoreLoadDelete",
	"delete wants a record":     "StoreLoadDelete",
	"load is behind":            "OwnWrites",
	"scan is behind":            "OwnWrites",
	"prefix ignored":            "Scan",
	"scan backwards":            "Scan",
	"scan sees its loop":        "ScanWhileWriting",
	"buckets run together":      "BucketsAreSeparate",
	"class ignored":             "BucketsAreSeparate",
	"names folded":              "BucketsAreSeparate",
	"short keys":                "Sizes",
	"cuts values":               "Sizes",
	"any bucket":                "BadArguments",
	"any key":                   "BadArguments",
	"any value":                 "BadArguments",
	"load shares":               "BytesAreCopied",
	"scan shares":               "BytesAreCopied",
	"store shares":              "BytesAreCopied",
	"store wipes its argument":  "BytesAreCopied",
	"error commits":             "FailedUpdate",
	"error replaced":            "FailedUpdate",
	"fn called twice":           "FailedUpdate",
	"panic commits":             "PanickingUpdate",
	"panic swallowed":           "PanickingUpdate",
	"panic keeps the turn":      "PanickingUpdate",
	"goexit commits":            "GoexitingUpdate",
	"view swallows panic":       "PanickingView",
	"view writes":               "ViewDoesNotWrite",
	"no end of use":             "TxIsOver",
	"scan outlives":             "TxIsOver",
	"updates overlap":           "UpdatesTakeTurns",
	"commits bucket by bucket":  "ViewsAreConsistent",
	"view is no snapshot":       "UpdateBesideView",
	"view waits for update":     "ViewBesideUpdate",
	"uncommitted is seen":       "ViewBesideUpdate",
	"view ignores ctx":          "ContextEndedBefore",
	"update ignores ctx":        "ContextEndedBefore",
	"update waits beyond ctx":   "ContextEndsWhileWaiting",
	"two owners":                "Claim",
	"claims race":               "Claim",
	"never released":            "Claim",
	"released by another":       "Claim",
	"works after close":         "Close",
	"second close fails":        "Close",
	"close does not wait":       "CloseDuringView",
	"update waits beyond close": "CloseDuringUpdate",
}

func TestFaultsAreFound(t *testing.T) {
	for fault, finder := range faults {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if keystoretest.RunCheck(t.Context(), finder, newBroken(fault)) == nil {
					t.Errorf("not found by %s", finder)
				}
			})
		})
	}
}

func TestNoFaultIsFound(t *testing.T) {
	keystoretest.Conformance(t, func(*testing.T) keystore.Store { return newBroken("") })
}

func TestEveryCheckFindsAFault(t *testing.T) {
	finders := slices.Collect(maps.Values(faults))
	for _, name := range keystoretest.CheckNames() {
		if !slices.Contains(finders, name) {
			t.Errorf("%s is not shown to find anything", name)
		}
	}
}

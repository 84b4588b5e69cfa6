package transporttest_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// relayFaults are what a relay may do wrong, with a check that has to see it.
var relayFaults = map[string]string{
	"starts at 0":                     "SequenceNumbers",
	"skips a number":                  "SequenceNumbers",
	"append returns another number":   "SequenceNumbers",
	"head is behind":                  "SequenceNumbers",
	"one of a batch lost":             "StoredFromEveryPosition",
	"stored frames never come":        "StoredFromEveryPosition",
	"no final error":                  "StoredFromEveryPosition",
	"order swapped":                   "StoredFromEveryPosition",
	"live frames never come":          "StoredThenLive",
	"wakes for the first room only":   "StoredThenLive",
	"duplicates at the seam":          "Seam",
	"gap at the seam":                 "Seam",
	"append races":                    "ConcurrentAppends",
	"ends at the head":                "ManySubscribers",
	"slow readers hold writers":       "SlowReader",
	"one room":                        "RoomsAreSeparate",
	"names folded":                    "RoomsAreSeparate",
	"names trimmed":                   "RoomsAreSeparate",
	"names cut":                       "RoomsAreSeparate",
	"names normalized":                "RoomsAreSeparate",
	"any name":                        "RoomNames",
	"short names":                     "RoomNames",
	"after above head is ignored":     "AfterAboveHead",
	"ctx ignored":                     "ContextEnds",
	"two final errors":                "ContextEnds",
	"frame with final error":          "ContextEnds",
	"another final error":             "ContextEndedBefore",
	"always Canceled":                 "ContextEnds",
	"head never ends":                 "ContextEndedBefore",
	"silent about ctx ended in loop":  "ContextEndsInLoop",
	"break ignored":                   "Break",
	"second range goes on":            "RangeAgain",
	"append with ended ctx half done": "AppendWithEndedContext",
	"refusal takes a number":          "PayloadSizes",
	"empty payload is lost":           "PayloadSizes",
	"payload cut":                     "PayloadSizes",
	"small frames":                    "PayloadSizes",
	"large frames another error":      "PayloadSizes",
	"append shares":                   "PayloadIsCopied",
	"append wipes its argument":       "PayloadIsCopied",
	"readers share":                   "FramesAreTheReaders",
	"buffer reused":                   "FramesAreTheReaders",
	"payloads overlap":                "FramesAreTheReaders",
	"goroutine left":                  "NothingLeftRunning",
}

// directoryFaults are what a directory may do wrong, likewise.
var directoryFaults = map[string]string{
	"nothing for unknown":    "PublishLookup",
	"first bundle stays":     "PublishLookup",
	"one room":               "EntriesAreSeparate",
	"names folded":           "EntriesAreSeparate",
	"any name":               "EntryNames",
	"short names":            "EntryNames",
	"refused bundle stays":   "BundleSizes",
	"publish shares":         "BundlesAreCopied",
	"lookup shares":          "BundlesAreCopied",
	"publish with ended ctx": "DirectoryContext",
	"bundle in two steps":    "ConcurrentPublish",
}

func TestRelayFaultsAreFound(t *testing.T) {
	for fault, finder := range relayFaults {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				relay := newBroken(fault)
				defer close(relay.stop)
				if transporttest.RunRelayCheck(t.Context(), finder, relay) == nil {
					t.Errorf("not found by %s", finder)
				}
			})
		})
	}
}

func TestDirectoryFaultsAreFound(t *testing.T) {
	for fault, finder := range directoryFaults {
		t.Run(fault, func(t *testing.T) {
			if transporttest.RunDirectoryCheck(t.Context(), finder, newBroken(fault)) == nil {
				t.Errorf("not found by %s", finder)
			}
		})
	}
}

func TestNoFaultIsFound(t *testing.T) {
	transporttest.Conformance(t, func(*testing.T) transport.Relay { return newBroken("") })
	transporttest.DirectoryConformance(t, func(*testing.T) transport.Directory { return newBroken("") })
}

func TestEveryCheckFindsAFault(t *testing.T) {
	finders := slices.AppendSeq(slices.Collect(maps.Values(relayFaults)), maps.Values(directoryFaults))
	for _, name := range transporttest.CheckNames() {
		if !slices.Contains(finders, name) {
			t.Errorf("%s is not shown to find anything", name)
		}
	}
}

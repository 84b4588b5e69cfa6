//go:build race

package cobblestone_test

// underRace reports that allocations are not what they are without the detector.
const underRace = true

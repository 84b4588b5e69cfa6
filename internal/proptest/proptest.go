// Package proptest draws the cases of property tests from a seed that a failed
// run prints and the variable PARLEY_SEED repeats. Only tests import it.
package proptest

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/leanovate/gopter"
)

// SeedVariable, set to the seed of a failed run, repeats it.
const SeedVariable = "PARLEY_SEED"

// RunsVariable, set to a number, makes every property test that many times as
// long.
const RunsVariable = "PARLEY_RUNS"

// Parameters are those of a test that needs runs successful cases, or short ones
// under -short.
func Parameters(t *testing.T, runs, short int) *gopter.TestParameters {
	t.Helper()
	seed := time.Now().UnixNano()
	if text := os.Getenv(SeedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", SeedVariable, err)
		}
	}
	t.Logf("to repeat: %s=%d go test -run '^%s$'", SeedVariable, seed, t.Name())
	p := gopter.DefaultTestParametersWithSeed(seed)
	p.MinSuccessfulTests = runs
	if testing.Short() {
		p.MinSuccessfulTests = short
	}
	if times, err := strconv.Atoi(os.Getenv(RunsVariable)); err == nil && times > 0 {
		p.MinSuccessfulTests *= times
	}
	return p
}

// New is the properties of a test with such [Parameters].
func New(t *testing.T, runs, short int) *gopter.Properties {
	t.Helper()
	return gopter.NewProperties(Parameters(t, runs, short))
}

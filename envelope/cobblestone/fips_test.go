package cobblestone_test

import (
	"bytes"
	"crypto/fips140"
	"os"
	"os/exec"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// inFIPSOnly reports whether this is the process that underFIPSOnly starts.
func inFIPSOnly() bool { return os.Getenv("COBBLESTONE_FIPS_ONLY") != "" }

// underFIPSOnly reports whether the program runs under fips140=only. If not it
// runs the test again in one that does.
func underFIPSOnly(t *testing.T) bool {
	t.Helper()
	if inFIPSOnly() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "COBBLESTONE_FIPS_ONLY=1", "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// TestFIPSOnly runs itself under fips140=only, where every form answers ErrFIPS.
func TestFIPSOnly(t *testing.T) {
	if !underFIPSOnly(t) {
		return
	}
	_, err1 := cobblestone.AppendSeal(nil, testKey, nil, nil, nil)
	_, err2 := cobblestone.AppendOpen(nil, testKey, nil, make([]byte, 72), nil)
	_, err3 := cobblestone.NewWriter(nil, testKey, nil, nil)
	_, err4 := cobblestone.NewReader(noRead{t}, testKey, nil, nil)
	_, err5 := cobblestone.NewReaderAt(noRead{t}, 72, testKey, nil, nil)
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if err != cobblestone.ErrFIPS {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// TestWithoutEnforcement: under fips140=only the package works where the caller
// says that Go's rule does not apply, and its goroutines do too.
func TestWithoutEnforcement(t *testing.T) {
	if !underFIPSOnly(t) {
		return
	}
	fips140.WithoutEnforcement(func() {
		msg := fill(100 * chunkSize)
		opts := &cobblestone.Options{Concurrency: 4}
		sealed := must(cobblestone.AppendSeal(nil, testKey, testContext, msg, opts))
		for _, o := range openers() {
			if got, err := o.open(testKey, testContext, sealed, opts); err != nil || !bytes.Equal(got, msg) {
				t.Errorf("%s: %d bytes, %v", o.name, len(got), err)
			}
		}
	})
}

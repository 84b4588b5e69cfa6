package cobblestone_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// TestFIPSOnly runs itself under fips140=only, where every form answers ErrFIPS.
func TestFIPSOnly(t *testing.T) {
	if os.Getenv("COBBLESTONE_FIPS_ONLY") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSOnly$", "-test.v")
		cmd.Env = append(os.Environ(), "COBBLESTONE_FIPS_ONLY=1", "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Errorf("%v\n%s", err, out)
		}
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

//go:build linux || darwin

package keystore_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

// limitFiles has writes beyond size fail, as they do on a full disk, until the
// function that it returns is called.
func limitFiles(t *testing.T, size int64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur = uint64(size)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
	return lift
}

// TestDiskFull: an Update for which there is no space fails, those that need none
// go on, the store opens, and once there is space all is as before.
func TestDiskFull(t *testing.T) {
	const child = "PARLEY_TEST_DISK_FULL"
	if os.Getenv(child) == "" { // in a process of its own, whose files are limited
		cmd := exec.Command(os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: TestDiskFull/200000")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for _, value := range []int{100, 3000, 200_000} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			f, path := create(t, noErase)
			set(t, f, plain, "kept", "value")
			set(t, f, erased, "erased", "value")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			lift := limitFiles(t, info.Size()+100_000)
			defer func() { lift() }()
			model := contents(t, f)
			failures := 0
			for i := 0; failures < 5; i++ {
				if i == 10_000 {
					t.Fatal("the disk is never full")
				}
				b, key := plain, fmt.Sprint("k", i)
				if i%2 == 0 {
					b = erased
				}
				value := string(bytes.Repeat([]byte{'v'}, value))
				switch err := f.Update(t.Context(), store(b, key, value)); {
				case err == nil:
					model[b.Name+" "+key] = value
				case errors.Is(err, keystore.ErrFailed) || errors.Is(err, keystore.ErrCorrupt):
					t.Fatal(err)
				default: // bbolt's text has no error in it
					failures++
				}
				if got := contents(t, f); !maps.Equal(got, model) {
					t.Fatalf("%d records, want %d", len(got), len(model))
				}
			}
			crashed := open(t, copyWithin(t, path, lift, info.Size()+100_000), nil)
			if got := contents(t, crashed); !maps.Equal(got, model) {
				t.Errorf("opened on a full disk: %d records, want %d", len(got), len(model))
			}
			crashed.Close() // which may want space to erase
			lift()
			lift = func() {}
			set(t, f, plain, "after", "value")
			model["plain after"] = "value"
			closeStore(t, f)
			if got := contents(t, open(t, path, nil)); !maps.Equal(got, model) {
				t.Errorf("afterwards %d records, want %d", len(got), len(model))
			}
		})
	}
}

// copyWithin copies a store without the limit, and sets it again.
func copyWithin(t *testing.T, path string, lift func(), size int64) string {
	t.Helper()
	lift()
	copied := copyStore(t, path)
	limitFiles(t, size)
	return copied
}

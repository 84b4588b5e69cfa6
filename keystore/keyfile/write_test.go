package keyfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// wantFiles checks that folder holds these files and nothing else.
func wantFiles(t *testing.T, what, folder string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		got, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if content, ok := want[e.Name()]; !ok || err != nil || string(got) != content {
			t.Errorf("%s: %s holds %q (%v)", what, e.Name(), got, err)
		}
	}
	if len(entries) != len(want) {
		t.Errorf("%s: %d files, want %d", what, len(entries), len(want))
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

func TestWriteFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key.pem")
	if err := keyfile.WriteFile(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)
	for range 2 {
		if err := keyfile.WriteFile(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a file: %v, want fs.ErrExist", err)
		}
	}
	wantFiles(t, "WriteFile", folder, map[string]string{"key.pem": "first"})
}

func TestReplaceFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key.pem")
	if err := os.WriteFile(path, []byte("first"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := keyfile.ReplaceFile(path, []byte("second")); err != nil {
		t.Fatal(err)
	}
	wantMode(t, path, 0o600)
	wantFiles(t, "ReplaceFile", folder, map[string]string{"key.pem": "second"})
	other := filepath.Join(folder, "new.pem")
	if err := keyfile.ReplaceFile(other, []byte("new")); err != nil {
		t.Error(err)
	}
	wantFiles(t, "ReplaceFile", folder, map[string]string{"key.pem": "second", "new.pem": "new"})
}

// TestWriteBesides writes where it cannot be, and into the working directory.
func TestWriteBesides(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for _, write := range []func(string, []byte) error{keyfile.WriteFile, keyfile.ReplaceFile} {
		if err := write(filepath.Join("none", "key"), nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("in no folder: %v", err)
		}
		var pathError *fs.PathError
		if err := write(filepath.Join("none", "key"), nil); !errors.As(err, &pathError) || !strings.HasPrefix(err.Error(), "keyfile: ") {
			t.Errorf("in no folder: %v", err)
		}
		for _, path := range []string{"", ".", "..", folder, folder + string(filepath.Separator)} {
			if err := write(path, []byte("key")); err == nil {
				t.Errorf("%q was written", path)
			}
		}
		wantFiles(t, "nothing", folder, nil)
	}
	if err := keyfile.WriteFile("key", nil); err != nil {
		t.Error(err)
	}
	long := strings.Repeat("x", 255)
	if err := keyfile.WriteFile(long, nil); err != nil {
		t.Error(err)
	}
	wantFiles(t, "names", folder, map[string]string{"key": "", long: ""})
}

func TestUnwritableFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(folder, 0o700) })
	if os.WriteFile(filepath.Join(folder, "probe"), nil, 0o600) == nil {
		t.Skip("this user writes everywhere")
	}
	for _, write := range []func(string, []byte) error{keyfile.WriteFile, keyfile.ReplaceFile} {
		if err := write(filepath.Join(folder, "key"), nil); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v, want fs.ErrPermission", err)
		}
	}
}

// TestSymbolicLinks: a link, be it broken, is what stands there; it is not
// followed.
func TestSymbolicLinks(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	target := filepath.Join(elsewhere, "target")
	broken, link := filepath.Join(folder, "broken"), filepath.Join(folder, "link")
	if err := errors.Join(os.WriteFile(target, []byte("target"), 0o644), os.Symlink(filepath.Join(elsewhere, "none"), broken), os.Symlink(target, link)); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{broken, link} {
		if err := keyfile.WriteFile(path, []byte("key")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, want fs.ErrExist", path, err)
		}
		if err := keyfile.ReplaceFile(path, []byte("key")); err != nil {
			t.Error(err)
		}
		wantMode(t, path, 0o600)
	}
	wantFiles(t, "links", folder, map[string]string{"broken": "key", "link": "key"})
	wantFiles(t, "targets", elsewhere, map[string]string{"target": "target"})
}

var errDisk = errors.New("disk: on fire")

// A flaky system fails the call of the number fail, counted from 1, and notes all.
type flaky struct {
	calls []string
	fail  int
	links bool
}

func (f *flaky) do(call, path string, do func() error) error {
	f.calls = append(f.calls, call)
	if len(f.calls) == f.fail {
		return fmt.Errorf("%s: %w", call, errDisk)
	}
	return do()
}

type flakyFile struct {
	keyfile.File
	system *flaky
}

func (f flakyFile) Write(b []byte) (n int, err error) {
	err = f.system.do("write", "", func() error { n, err = f.File.Write(b); return err })
	if err != nil {
		n, _ = f.File.Write(b[:len(b)/2])
	}
	return n, err
}

func (f flakyFile) Sync() error { return f.system.do("fsync", "", f.File.Sync) }

func (f flakyFile) Close() error {
	err := f.File.Close() // files are closed even where that fails
	return f.system.do("close", "", func() error { return err })
}

func (f *flaky) system() keyfile.Calls {
	real := keyfile.OS()
	return keyfile.Calls{
		Create: func(path string) (file keyfile.File, err error) {
			err = f.do("create", path, func() error { file, err = real.Create(path); return err })
			if err != nil {
				return nil, err
			}
			return flakyFile{file, f}, nil
		},
		Link: func(from, to string) error {
			return f.do("link", to, func() error {
				if !f.links {
					return &os.LinkError{Op: "link", Old: from, New: to, Err: errors.ErrUnsupported}
				}
				return real.Link(from, to)
			})
		},
		Rename: func(from, to string) error { return f.do("rename", to, func() error { return real.Rename(from, to) }) },
		Remove: func(path string) error { return f.do("remove", path, func() error { return real.Remove(path) }) },
		SyncFolder: func(path string) error {
			return f.do("fsync folder", path, func() error { return real.SyncFolder(path) })
		},
	}
}

// TestOrderOfCalls: what is said of the order is so.
func TestOrderOfCalls(t *testing.T) {
	for want, run := range map[string]func(keyfile.Calls, string) error{
		"create write fsync close link remove fsync folder": func(c keyfile.Calls, path string) error {
			return keyfile.WriteWith(c, path, []byte("key"))
		},
		"create write fsync close rename fsync folder": func(c keyfile.Calls, path string) error {
			return keyfile.ReplaceWith(c, path, []byte("key"))
		},
	} {
		f := &flaky{links: true}
		if err := run(f.system(), filepath.Join(t.TempDir(), "key")); err != nil {
			t.Error(err)
		}
		if got := strings.Join(f.calls, " "); got != want {
			t.Errorf("calls: %s\nwant:  %s", got, want)
		}
	}
	f := &flaky{}
	if err := keyfile.WriteWith(f.system(), filepath.Join(t.TempDir(), "key"), []byte("key")); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(f.calls, " "), "create write fsync close link create close rename fsync folder"; got != want {
		t.Errorf("without links: %s\nwant:          %s", got, want)
	}
}

// TestEachCallFails: after an error there is at the path what was there before or
// the whole new file, and no other file but where removing is what failed.
func TestEachCallFails(t *testing.T) {
	content := strings.Repeat("key", 1000)
	for _, c := range []struct {
		name  string
		links bool
		old   bool
		write func(keyfile.Calls, string, []byte) error
		calls int
	}{
		{"write", true, false, keyfile.WriteWith, 7}, {"write without links", false, false, keyfile.WriteWith, 9},
		{"replace", true, true, keyfile.ReplaceWith, 6}, {"replace nothing", true, false, keyfile.ReplaceWith, 6},
	} {
		for fail := 1; fail <= c.calls; fail++ {
			folder := t.TempDir()
			path := filepath.Join(folder, "key")
			if c.old {
				os.WriteFile(path, []byte("old"), 0o600)
			}
			f := &flaky{fail: fail, links: c.links}
			err := c.write(f.system(), path, []byte(content))
			failed := f.calls[fail-1]
			what := fmt.Sprintf("%s, call %d (%s)", c.name, fail, failed)
			if failed == "link" && err == nil {
				// Any trouble with a link ends in the other way, which worked.
				wantFiles(t, what, folder, map[string]string{"key": content})
				continue
			}
			if !errors.Is(err, errDisk) {
				t.Errorf("%s: %v", what, err)
			}
			switch {
			case failed == "fsync folder" || failed == "remove":
				wantFiles(t, what, folder, map[string]string{"key": content})
			case c.old:
				wantFiles(t, what, folder, map[string]string{"key": "old"})
			default:
				wantFiles(t, what, folder, nil)
			}
		}
	}
}

// TestWithoutLinks: the other way overwrites nothing either.
func TestWithoutLinks(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key")
	for i, want := range []error{nil, fs.ErrExist} {
		f := &flaky{}
		if err := keyfile.WriteWith(f.system(), path, fmt.Appendf(nil, "key %d", i)); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	wantMode(t, path, 0o600)
	wantFiles(t, "without links", folder, map[string]string{"key": "key 0"})
}

func TestReadFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key.pem")
	key, _ := good(t)
	if err := keyfile.WriteFile(path, marshal(t, key, keyfile.PKCS8PEM)); err != nil {
		t.Fatal(err)
	}
	if got, err := keyfile.ReadFile(path, nil); err != nil || !got.Public().Equal(key.Public()) {
		t.Errorf("read as another key: %v", err)
	}
	if _, err := keyfile.ReadFile(filepath.Join(folder, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := keyfile.ReadFile(folder, nil); err == nil || errors.Is(err, keyfile.ErrKey) {
		t.Errorf("a folder: %v", err)
	}
	big := filepath.Join(folder, "big")
	if err := os.WriteFile(big, bytes.Repeat([]byte("\n"), keyfile.MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<40); err != nil && os.Truncate(big, 1<<30) != nil {
		t.Fatal(err)
	}
	_, err := keyfile.ReadFile(big, nil)
	wantError(t, "a large file", err, keyfile.ErrLimit)
}

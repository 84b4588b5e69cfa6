package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

func open(t *testing.T, path string) *diskServer {
	t.Helper()
	s, err := openServer(path, newOperator(&printer{w: &bytes.Buffer{}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestServer(t *testing.T) {
	t.Parallel()
	fresh := func(t *testing.T) *diskServer { return open(t, filepath.Join(t.TempDir(), "log")) }
	transporttest.Conformance(t, func(t *testing.T) transport.Relay { return fresh(t) })
	transporttest.DirectoryConformance(t, func(t *testing.T) transport.Directory { return fresh(t) })
}

// has compares what a server holds.
func has(t *testing.T, s *diskServer, frames ...string) {
	t.Helper()
	if head, err := s.Head(t.Context(), "room"); err != nil || head != uint64(len(frames)) {
		t.Fatalf("the head is %d, %v", head, err)
	}
	if len(frames) == 0 {
		return
	}
	for f, err := range s.Subscribe(t.Context(), "room", 0) {
		if err != nil || string(f.Payload) != frames[f.Seq-1] {
			t.Fatalf("frame %d is %q, %v", f.Seq, f.Payload, err)
		}
		if int(f.Seq) == len(frames) {
			return
		}
	}
}

// TestServerComesBack cuts the file at every byte, as a kill in a write does.
func TestServerComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := open(t, path)
	for _, frame := range []string{"one", ""} {
		if _, err := s.Append(t.Context(), "room", []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Publish(t.Context(), "id:zoe", []byte("bundle")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := range len(all) + 1 {
		if err := os.WriteFile(path, all[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		whole := []string{"one", ""}[:min(2, bytes.Count(all[:size], []byte("\n")))]
		s := open(t, path)
		has(t, s, whole...)
		if seq, err := s.Append(t.Context(), "room", []byte("next")); err != nil || seq != uint64(len(whole))+1 {
			t.Fatalf("appended as %d, %v", seq, err)
		}
		s.Close()
		s = open(t, path)
		has(t, s, append(whole, "next")...)
		bundle, err := s.Lookup(t.Context(), "id:zoe")
		if gone := size < len(all); gone != errors.Is(err, transport.ErrNotFound) || !gone && string(bundle) != "bundle" {
			t.Errorf("the bundle is %q, %v", bundle, err)
		}
		s.Close()
	}
}

func TestServerRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := open(t, path)
	for _, test := range []struct {
		name string
		size int
		want error
	}{{"", 1, transport.ErrBadName}, {"room", transport.MaxFrame + 1, transport.ErrTooLarge}} {
		if _, err := s.Append(t.Context(), test.name, make([]byte, test.size)); !errors.Is(err, test.want) {
			t.Errorf("%v, want %v", err, test.want)
		}
	}
	if err := s.Publish(t.Context(), "id:zoe", make([]byte, transport.MaxBundle+1)); !errors.Is(err, transport.ErrTooLarge) {
		t.Error(err)
	}
	s.size = mostOnDisk - 100
	if _, err := s.Append(t.Context(), "room", make([]byte, 100)); !errors.Is(err, transport.ErrFull) {
		t.Error(err)
	}
	s.size = 0
	s.file.Close() // so that writing fails
	for range 2 {
		if _, err := s.Append(t.Context(), "room", []byte("frame")); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
	has(t, s)
	s.Close()
	has(t, open(t, path))
}

func TestServerDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for text, line := range map[string]string{
		"x\n": "line 1", "{}\n": "line 1", `{"Room":"room","Bytes":""}` + "\n\n{": "line 2",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openServer(path, newOperator(&printer{w: &bytes.Buffer{}}))
		if err == nil || !strings.Contains(err.Error(), line) || !strings.Contains(err.Error(), "put back a copy") {
			t.Errorf("%q: %v", text, err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("it was changed to %q", got)
		}
	}
}

package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// shell is a shell that runs a command line tool which has no mode that serves many
// requests: it lives as long as the tests, the tool as long as a request. (OpenSSL's
// interactive mode is gone since 3.0.) Files carry what goes in and out.
type shell struct {
	*process
	dir     string
	version string
}

// startShell starts a shell for a tool; words are a command that says its version.
func startShell(name string, words ...string) (*shell, error) {
	p, err := startProcess(name, patience, "sh")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "parley-interop-")
	if err != nil {
		p.close()
		return nil, err
	}
	s := &shell{process: p, dir: dir}
	out, complaint, err := s.run(words...)
	if err == nil && complaint != "" && len(out) == 0 && strings.Contains(complaint, "not found") {
		err = fmt.Errorf("%s: %s", name, complaint)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.version = strings.TrimSpace(string(out) + complaint)
	return s, nil
}

func (s *shell) close() error {
	defer os.RemoveAll(s.dir)
	return s.process.close()
}

func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// run runs a command and returns its output and, where it failed or had something
// to say, what it said.
func (s *shell) run(words ...string) (out []byte, complaint string, err error) {
	for i, w := range words {
		words[i] = quote(w)
	}
	line := fmt.Sprintf("%s </dev/null >%s 2>%s; echo $?", strings.Join(words, " "), quote(s.path("stdout")), quote(s.path("stderr")))
	answer, err := s.ask([]byte(line))
	if err != nil {
		return nil, "", err
	}
	status, err := strconv.Atoi(string(answer))
	if err != nil {
		return nil, "", fmt.Errorf("%s: answered %.200q", s.name, answer)
	}
	if out, err = os.ReadFile(s.path("stdout")); err != nil {
		return nil, "", err
	}
	said, err := os.ReadFile(s.path("stderr"))
	if err != nil {
		return nil, "", err
	}
	complaint = string(bytes.TrimSpace(said[:min(len(said), tailSize)]))
	if status != 0 {
		complaint = fmt.Sprintf("exit status %d: %s", status, complaint)
	}
	return out, complaint, nil
}

func (s *shell) path(name string) string { return filepath.Join(s.dir, name) }

// file writes a file for a command to read, and returns its path.
func (s *shell) file(t testing.TB, name string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.path(name)
}

// try runs a command and returns its output, or why it was refused.
func (s *shell) try(t testing.TB, words ...string) (out []byte, refused string) {
	t.Helper()
	out, complaint, err := s.run(words...)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(complaint, "exit status ") {
		return nil, complaint
	}
	return out, ""
}

// must runs a command that must succeed.
func (s *shell) must(t testing.TB, words ...string) []byte {
	t.Helper()
	command := strings.Join(words, " ")
	out, refused := s.try(t, words...)
	if refused != "" {
		t.Fatalf("%s: %s: %s", s.name, command, refused)
	}
	return out
}

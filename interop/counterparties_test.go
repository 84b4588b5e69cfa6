package interop_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// requireVariable, set to "require", makes a missing counterparty a failure.
const requireVariable = "PARLEY_INTEROP"

// counterparty is a helper that the first test to ask for it starts, and that lives
// until all tests are over.
type counterparty[T interface{ close() error }] struct {
	name, install string
	start         func() (T, error)
	once          sync.Once
	helper        T
	err           error
}

func (c *counterparty[T]) started() (T, error) {
	c.once.Do(func() { c.helper, c.err = c.start() })
	return c.helper, c.err
}

// get returns the helper. Where there is none, the test is skipped, or fails where
// every counterparty is required.
func (c *counterparty[T]) get(tb testing.TB) T {
	tb.Helper()
	helper, err := c.started()
	if err != nil {
		notRun(tb, c.name, err, c.install)
	}
	return helper
}

// notRun skips the test, or fails it where every counterparty is required.
func notRun(tb testing.TB, name string, err error, install string) {
	tb.Helper()
	report := tb.Skipf
	if os.Getenv(requireVariable) == "require" {
		report = tb.Fatalf
	}
	report("%s: not run: %v\nto install it: %s", name, err, install)
}

func (c *counterparty[T]) stop() error {
	never := errors.New("never asked for")
	c.once.Do(func() { c.err = never })
	if c.err != nil {
		if c.err != never {
			fmt.Printf("not run: %s (to install it: %s)\n", c.name, c.install)
		}
		return nil
	}
	return c.helper.close()
}

const npmInstall = "Node 18 or later, then npm ci in interop"

func node(name, script string) *counterparty[*peer] {
	return &counterparty[*peer]{name: name, install: npmInstall, start: func() (*peer, error) {
		return startPeer(name, "node", "peers/"+script)
	}}
}

var (
	python = &counterparty[*peer]{
		name: "python3-cryptography", install: "apt-get install python3-cryptography",
		start: startPython,
	}
	forge     = node("node-forge", "forge.cjs")
	webcrypto = node("WebCrypto", "webcrypto.cjs")
	npmFernet = node("npm fernet", "npmfernet.cjs")
	openssl   = &counterparty[*shell]{
		name: "OpenSSL", install: "apt-get install openssl",
		start: func() (*shell, error) { return startShell("OpenSSL", "openssl", "version") },
	}
	openssh = &counterparty[*shell]{
		name: "OpenSSH", install: "apt-get install openssh-client",
		start: func() (*shell, error) { return startShell("OpenSSH", "ssh", "-V") },
	}
)

// startPython prefers the system's Python, where Debian's package lies, to another
// one that may come first.
func startPython() (*peer, error) {
	var all []error
	for _, program := range []string{"/usr/bin/python3", "python3"} {
		p, err := startPeer("python3-cryptography", program, "-B", "peers/python.py")
		if err == nil {
			return p, nil
		}
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range []func() error{python.stop, forge.stop, webcrypto.stop, npmFernet.stop, openssl.stop, openssh.stop} {
		if err := stop(); err != nil {
			fmt.Println(err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// TestCounterparties names each counterparty and its version.
func TestCounterparties(t *testing.T) {
	for _, c := range []*counterparty[*peer]{python, forge, webcrypto, npmFernet} {
		t.Run(c.name, func(t *testing.T) { t.Log(c.get(t).version) })
	}
	for _, c := range []*counterparty[*shell]{openssl, openssh} {
		t.Run(c.name, func(t *testing.T) { t.Log(c.get(t).version) })
	}
}

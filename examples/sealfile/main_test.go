package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// TestMain lets the test binary be the program: the tests start themselves.
func TestMain(m *testing.M) {
	if os.Getenv("SEALFILE_MAIN") != "1" {
		os.Exit(m.Run())
	}
	watchSignals()
	code := exitCode(run(os.Args[1:]))
	if path := os.Getenv("SEALFILE_PEAK"); path != "" {
		notePeak(path)
	}
	os.Exit(code)
}

// notePeak copies what Linux knows of this process, the most memory it had in it.
func notePeak(path string) {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		os.WriteFile(path, status, 0o600)
	}
}

// keys are made once.
var keys = sync.OnceValues(func() (map[string]*keyfile.PrivateKey, error) {
	made := make(map[string]*keyfile.PrivateKey)
	var failed error
	for name, generate := range map[string]func(int) (*keyfile.PrivateKey, error){
		"bob": keyfile.GenerateComposite, "carol": keyfile.GenerateComposite, "rsa": keyfile.GenerateRSA,
		"alice": generateEd25519, "mallory": generateEd25519,
	} {
		key, err := generate(keyfile.DefaultBits)
		made[name], failed = key, errors.Join(failed, err)
	}
	return made, failed
})

func generateEd25519(int) (*keyfile.PrivateKey, error) { return keyfile.GenerateEd25519() }

// A folder is where a test works. In it are bob and carol, who have composite
// keys, and rsa; alice and mallory sign.
type folder struct {
	*testing.T
	path string
	keys string
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	t.Parallel()
	f := &folder{T: t, path: t.TempDir(), keys: t.TempDir()}
	made, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range made {
		private, err1 := key.Marshal(keyfile.PKCS8PEM)
		public, err2 := key.Public().Marshal(keyfile.SPKIPEM)
		if err := errors.Join(err1, err2, os.WriteFile(f.key(name), private, 0o600), os.WriteFile(f.pub(name), public, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f *folder) key(name string) string { return filepath.Join(f.keys, name+".pem") }
func (f *folder) pub(name string) string { return f.key(name) + ".pub" }

func (f *folder) id(name string) string {
	made, _ := keys()
	return keyID(made[name].Public()).String()
}

// shown is how a recipient's key is shown.
func (f *folder) shown(name string) string {
	made, _ := keys()
	return keyName(made[name].Public())
}

func (f *folder) write(name string, data []byte) {
	f.Helper()
	if err := os.WriteFile(filepath.Join(f.path, name), data, 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f *folder) read(name string) []byte {
	f.Helper()
	data, err := os.ReadFile(filepath.Join(f.path, name))
	if err != nil {
		f.Fatal(err)
	}
	return data
}

// holds checks that there are these files, and no others.
func (f *folder) holds(want ...string) {
	f.Helper()
	entries, err := os.ReadDir(f.path)
	if err != nil {
		f.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.Errorf("the folder holds %q, want %q", got, want)
	}
}

func (f *folder) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(f.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SEALFILE_MAIN=1")
	cmd.Dir = f.path
	return cmd
}

// A result is what a program leaves. A pipe is what in becomes.
type result struct {
	stdout []byte
	stderr string
	code   int
}

func (f *folder) pipe(in []byte, args ...string) (r result) {
	f.Helper()
	cmd := f.command(args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	stdout, err := cmd.Output()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		f.Fatal(err)
	}
	return result{stdout, stderr.String(), cmd.ProcessState.ExitCode()}
}

func (f *folder) ok(args ...string) result {
	f.Helper()
	return f.okPipe(nil, args...)
}

func (f *folder) okPipe(in []byte, args ...string) result {
	f.Helper()
	r := f.pipe(in, args...)
	if r.code != 0 {
		f.Fatalf("%q: exit code %d: %s", args, r.code, r.stderr)
	}
	return r
}

// fails checks code and message.
func (f *folder) fails(code int, message string, args ...string) result {
	f.Helper()
	return f.failsPipe(nil, code, message, args...)
}

func (f *folder) failsPipe(in []byte, code int, message string, args ...string) result {
	f.Helper()
	r := f.pipe(in, args...)
	if r.code != code || !strings.HasPrefix(r.stderr, "sealfile: ") || !strings.Contains(r.stderr, message) || strings.Count(r.stderr, "\n") != 1 {
		f.Errorf("%q: exit code %d, want %d and %q: %s", args, r.code, code, message, r.stderr)
	}
	return r
}

// seal returns what seal makes of the text.
func (f *folder) seal(text string, args ...string) []byte {
	f.Helper()
	return f.okPipe([]byte(text), append([]string{"seal"}, args...)...).stdout
}

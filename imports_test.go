package parley_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parley-e2ee/parley/"

// Groups of what a package may import.
const (
	stdlib     = "stdlib"
	xcrypto    = "golang.org/x/crypto/"
	cryptobyte = "golang.org/x/crypto/cryptobyte"
)

type importRule struct {
	pkg   string
	allow []string
	why   string
}

// importRules say what the code (not the tests) of each package may import,
// and why: whoever reads a package has to read no more than that. A name that
// ends in / stands for all below it.
var importRules = []importRule{
	{"", nil, "the root only documents"},
	{"envelope", []string{stdlib, xcrypto, module + "envelope/cobblestone", module + "envelope/compositekem", module + "internal/edwards", module + "internal/redact", module + "internal/stretch", module + "internal/strictio"}, "any bytes to any keys, built of its sub-packages"},
	{"envelope/fernet", []string{stdlib}, "whoever imports Fernet gets no dependency"},
	{"envelope/forgecfb", []string{stdlib, module + "envelope/fernet"}, "reads what Forge wrote, to make Fernet of it"},
	{"envelope/cobblestone", []string{stdlib, module + "internal/redact", module + "internal/strictio"}, "chunked encryption of its own, without dependencies"},
	{"envelope/compositekem", []string{stdlib, cryptobyte, cryptobyte + "/asn1", module + "internal/keysource"}, "a KEM, and where its RSA keys come from"},
	{"internal/edwards", []string{stdlib}, "which Ed25519 keys are sound"},
	{"internal/keysource", []string{stdlib, module + "internal/keysource/internal/hook"}, "generates RSA keys"},
	{"internal/keysource/internal/hook", []string{stdlib}, "lets tests replace key generation"},
	{"internal/keysource/keytest", []string{stdlib, module + "internal/keysource", module + "internal/keysource/internal/hook"}, "the tests' fixed keys"},
	{"internal/redact", []string{stdlib}, "types that show nothing of themselves"},
	{"internal/strictio", []string{stdlib}, "sources and destinations that may misbehave"},
	{"internal/alloctest", []string{stdlib}, "for tests: memory that is taken"},
	{"internal/leaktest", []string{stdlib}, "for tests: goroutines that are left"},
	{"internal/proptest", []string{stdlib, "github.com/leanovate/gopter"}, "for tests: property tests and their seeds"},
	{"internal/boltpages", []string{stdlib}, "looks at a bbolt file before bbolt does"},
	{"internal/stretch", []string{stdlib, "golang.org/x/crypto/argon2"}, "keys from passphrases"},
	{"internal/xaes", []string{stdlib}, "XAES-256-GCM"},
	{"keystore", []string{stdlib, "go.etcd.io/bbolt", "go.etcd.io/bbolt/errors", module + "internal/boltpages", module + "internal/redact", module + "internal/stretch", module + "internal/xaes"}, "bytes in, bytes out: no sibling"},
	{"keystore/keyfile", []string{stdlib, cryptobyte, cryptobyte + "/asn1", "golang.org/x/crypto/scrypt", module + "envelope/compositekem", module + "internal/keysource"}, "keys as files: it knows composite keys"},
	{"keystore/keystoretest", []string{stdlib, module + "keystore"}, "the suite any store runs"},
	{"transport", []string{stdlib}, "a relay sees no key and no plaintext"},
	{"transport/transporttest", []string{stdlib, module + "transport"}, "the suite any relay runs, and a relay that lies"},
	{"e2ee/group", []string{stdlib, cryptobyte, module + "envelope/fernet", module + "envelope/compositekem", module + "internal/edwards"}, "pure state machines: no relay, no store"},
	{"e2ee", []string{stdlib, xcrypto, "golang.org/x/text/unicode/norm", module + "envelope", module + "envelope/", module + "keystore", module + "transport", module + "e2ee/group"}, "what an application holds"},
}

// forbidden are imports that no code has.
var forbidden = []struct {
	path, why string
}{
	{"unsafe", "memory safety is what a reviewer need not check"},
	{"math/rand", "keys and nonces come from crypto/rand; so does jitter"},
	{"math/rand/v2", "likewise"},
	{"github.com/leanovate/gopter", "for tests"},
	{"net", "the transport interfaces do I/O, nobody here"},
	{"net/http", "likewise"},
	{module + "internal/keysource/keytest", "published keys, for tests"},
	{module + "internal/alloctest", "for tests"},
	{module + "internal/leaktest", "for tests"},
	{module + "internal/proptest", "for tests"},
}

// noIO may not appear in the protocol's state machines.
var noIO = []string{"os", "net", "syscall", "context", "io/fs", "os/exec"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps,Standard"}, args...)...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func standard(path string) bool { return !strings.Contains(strings.Split(path, "/")[0], ".") }

func allowed(path string, allow []string) bool {
	return slices.ContainsFunc(allow, func(a string) bool {
		return a == path || a == stdlib && standard(path) || strings.HasSuffix(a, "/") && strings.HasPrefix(path, a)
	})
}

// TestImports holds the walls of the house: each package imports what its rule
// allows, and every package has a rule.
func TestImports(t *testing.T) {
	packages := goList(t, "./...")
	if len(packages) < len(importRules) {
		t.Fatalf("found %d packages for %d rules", len(packages), len(importRules))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath+"/", module)
		name = strings.TrimSuffix(name, "/")
		at := slices.IndexFunc(importRules, func(r importRule) bool { return r.pkg == name })
		if at < 0 {
			t.Errorf("%s has no import rule", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if !allowed(path, importRules[at].allow) {
				t.Errorf("%s imports %s: %s", name, path, importRules[at].why)
			}
			if name == "e2ee/group" && slices.Contains(noIO, path) {
				t.Errorf("%s imports %s: it does no I/O", name, path)
			}
			for _, f := range forbidden {
				seeded := path == "math/rand/v2" && name == "transport/transporttest" // misbehaviour that a seed repeats
				if path == f.path && !seeded && !strings.HasPrefix(name, "internal/keysource") && name != "internal/proptest" {
					t.Errorf("%s imports %s: %s", name, path, f.why)
				}
			}
		}
	}
}

// TestDependencies holds what comes along with the packages that are worth
// importing on their own.
func TestDependencies(t *testing.T) {
	for pkg, allow := range map[string][]string{
		"envelope/fernet":       {stdlib},
		"envelope/cobblestone":  {stdlib, module + "internal/redact", module + "internal/strictio"},
		"envelope/forgecfb":     {stdlib, module + "envelope/fernet"},
		"envelope/compositekem": {stdlib, xcrypto, module + "internal/keysource", module + "internal/keysource/internal/hook"},
		"transport":             {stdlib},
		"keystore":              {stdlib, xcrypto, "golang.org/x/sys/", "go.etcd.io/bbolt", "go.etcd.io/bbolt/", module + "internal/"},
	} {
		for _, p := range goList(t, "./"+pkg) {
			for _, dep := range p.Deps {
				if !allowed(dep, allow) {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
		}
	}
}

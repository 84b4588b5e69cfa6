package parley_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReadmeCode holds that the README's code is the example's, to the letter.
func TestReadmeCode(t *testing.T) {
	_, rest, ok := strings.Cut(readFile(t, "README.md"), "```go\n")
	code, _, closed := strings.Cut(rest, "```")
	if !ok || !closed || len(code) < 100 {
		t.Fatal("README.md has no code")
	}
	if !strings.Contains(readFile(t, "examples/quickstart/main.go"), code) {
		t.Fatal("README.md's code is not in examples/quickstart")
	}
}

// testNames are the test and fuzz functions of the root module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestSecurityTable holds that every property has its row, and that the tests
// it names exist.
func TestSecurityTable(t *testing.T) {
	names := testNames(t)
	text := readFile(t, "SECURITY.md")
	named := regexp.MustCompile(`\b(Test|Fuzz)[A-Z0-9][A-Za-z0-9_]*`).FindAllString(text, -1)
	if len(named) < 40 {
		t.Fatalf("SECURITY.md names only %d tests", len(named))
	}
	for _, name := range named {
		if !names[name] {
			t.Errorf("SECURITY.md names %s, which does not exist", name)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| ([0-9]+) \|`).FindAllStringSubmatch(text, -1)
	if len(rows) != 44 {
		t.Errorf("SECURITY.md has %d of 44 properties", len(rows))
	}
	for name := range names {
		if strings.HasPrefix(name, "TestProperty") && regexp.MustCompile(`^TestProperty[0-9]{2}_`).MatchString(name) && !strings.Contains(text, name) {
			t.Errorf("SECURITY.md does not name %s", name)
		}
	}
}

// TestPackagesAreListed holds that the root's documentation and the README name
// every package that others import.
func TestPackagesAreListed(t *testing.T) {
	root, readme := readFile(t, "doc.go"), readFile(t, "README.md")
	for _, rule := range importRules {
		if rule.pkg == "" || strings.HasPrefix(rule.pkg, "internal/") || strings.HasSuffix(rule.pkg, "test") {
			continue
		}
		if !strings.Contains(root, "- "+rule.pkg+":") && rule.pkg != "e2ee/group" {
			t.Errorf("doc.go does not list %s", rule.pkg)
		}
		if !strings.Contains(readme, "]("+rule.pkg+")") {
			t.Errorf("README.md does not list %s", rule.pkg)
		}
	}
}

// TestWarningsSayWhatToDo holds the list at e2ee.Warning against the reasons that
// there are.
func TestWarningsSayWhatToDo(t *testing.T) {
	files, err := filepath.Glob("e2ee/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			code.WriteString(readFile(t, name))
		}
	}
	_, doc, _ := strings.Cut(code.String(), "// Warning is something")
	doc, _, _ = strings.Cut(doc, "type Warning struct")
	_, own, _ := strings.Cut(code.String(), "// Reasons of a [Warning]")
	own, _, _ = strings.Cut(own, "\n)\n")
	reasons := regexp.MustCompile(`(?m)^\t(Err\w+) +=`).FindAllStringSubmatch(own, -1)
	reasons = append(reasons, regexp.MustCompile(`Warning\{Reason: (Err\w+)`).FindAllStringSubmatch(code.String(), -1)...)
	if len(reasons) < 15 {
		t.Fatalf("%d reasons", len(reasons))
	}
	for _, reason := range reasons {
		if !strings.Contains(doc, "["+reason[1]+"]") {
			t.Errorf("%s is not explained", reason[1])
		}
	}
}

package envelope_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

var specErrors = map[string]error{
	"ErrNotEnvelope": envelope.ErrNotEnvelope, "ErrVersion": envelope.ErrVersion, "ErrMalformed": envelope.ErrMalformed,
	"ErrLimit": envelope.ErrLimit, "ErrTruncated": envelope.ErrTruncated, "ErrNoMatch": envelope.ErrNoMatch,
	"ErrStanza": envelope.ErrStanza, "ErrHeader": envelope.ErrHeader, "ErrUnsigned": envelope.ErrUnsigned,
	"ErrSignature": envelope.ErrSignature, "ErrSender": envelope.ErrSender, "ErrPayload": envelope.ErrPayload,
	"ErrArmor": envelope.ErrArmor,
}

// declared are the functions and variables of the package and its tests.
func declared(t *testing.T) (funcs, errs map[string]bool) {
	t.Helper()
	funcs, errs = map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				funcs[n.Name.Name] = n.Recv == nil
			case *ast.ValueSpec:
				errs[n.Names[0].Name] = true
			}
			return true
		})
	}
	return funcs, errs
}

// TestSpecTables holds that each check of the specification has tests that exist,
// and that the errors of the one are those of the other.
func TestSpecTables(t *testing.T) {
	funcs, errs := declared(t)
	spec := readSpec(t)
	opening, rest, _ := strings.Cut(spec[strings.Index(spec, "\n## 6. "):], "\n## 8. ")
	_, tests, _ := strings.Cut(rest, "\n## 9. ")
	for check := range 15 {
		row := regexp.MustCompile(`(?m)^\| ` + strconv.Itoa(check+1) + ` [^|]*\|.*$`)
		if !row.MatchString(opening) || !strings.Contains(row.FindString(tests), "`Test") {
			t.Errorf("check %d has no row, or no test", check+1)
		}
	}
	named := regexp.MustCompile("`((Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(tests, -1)
	if len(named) < 30 {
		t.Errorf("%d names of tests", len(named))
	}
	for _, name := range named {
		if !funcs[name[1]] {
			t.Errorf("%s does not exist", name[1])
		}
	}
	for name, err := range specErrors {
		if !strings.Contains(opening, "`"+name+"`") || !errors.Is(err, envelope.ErrEnvelope) {
			t.Errorf("%s is not in the specification, or does not refuse an envelope", name)
		}
	}
	for _, name := range regexp.MustCompile("`(Err[A-Za-z]+)`").FindAllStringSubmatch(spec, -1) {
		if !errs[name[1]] {
			t.Errorf("%s does not exist", name[1])
		}
	}
}

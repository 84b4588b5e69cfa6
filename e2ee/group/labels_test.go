package group_test

import (
	"crypto/ed25519"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// sources parses the package without its tests.
func sources(t testing.TB) map[string]*ast.File {
	t.Helper()
	files := make(map[string]*ast.File)
	names, err := fs.Glob(os.DirFS("."), "*.go")
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
	}
	if len(files) < 20 {
		t.Fatalf("%d files", len(files))
	}
	return files
}

func isLabel(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "label"
}

// labels are the constants of type label, by name.
func labels(t testing.TB) map[string]string {
	t.Helper()
	out := make(map[string]string)
	ast.Inspect(sources(t)["labels.go"], func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !isLabel(spec.Type) {
			return true
		}
		for i, name := range spec.Names {
			value, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
			must(t, err)
			out[name.Name] = value
		}
		return true
	})
	if len(out) < 36 {
		t.Fatalf("%d labels", len(out))
	}
	return out
}

// Labels are distinct and free of the zero byte that ends them in a text.
func TestLabelsAreDistinct(t *testing.T) {
	used := make(map[string]string)
	for name, value := range labels(t) {
		if other, twice := used[value]; twice {
			t.Errorf("%s and %s are both %q", name, other, value)
		}
		if used[value] = name; value == "" || strings.Contains(value, "\x00") {
			t.Errorf("%s is %q", name, value)
		}
	}
}

// Every label is a constant of labels.go: no conversion and no literal makes
// another, nowhere.
func TestLabelsAreInOneFile(t *testing.T) {
	files := sources(t)
	takes := make(map[string]int) // functions by name: the position of their label
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				at := 0
				for _, field := range n.Type.Params.List {
					if isLabel(field.Type) {
						takes[n.Name.Name] = at
					}
					at += max(1, len(field.Names))
				}
			case *ast.ValueSpec:
				if name != "labels.go" && isLabel(n.Type) {
					t.Errorf("%s declares a label", name)
				}
			}
			return true
		})
	}
	if len(takes) < 6 {
		t.Fatalf("only %v take labels", takes)
	}
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if isLabel(call.Fun) {
				t.Errorf("%s converts to a label", name)
			}
			called := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				called = f.Name
			case *ast.SelectorExpr:
				called = f.Sel.Name
			}
			if at, ok := takes[called]; ok && at < len(call.Args) {
				if _, named := call.Args[at].(*ast.Ident); !named {
					t.Errorf("%s calls %s with a label that has no name", name, called)
				}
			}
			return true
		})
	}
}

// A signature of one type verifies as no other.
func TestProperty43_SignaturesAreOfOneType(t *testing.T) {
	key := signingKey(t)
	body := []byte("the same bytes under every label")
	var signed []string
	for name, l := range labels(t) {
		if strings.HasPrefix(name, "sign") {
			signed = append(signed, l)
		}
	}
	if len(signed) != 11 {
		t.Fatalf("%d types of signature", len(signed))
	}
	for _, as := range signed {
		sig := sign(key, as, body)
		for _, l := range signed {
			if group.Verify(public(key), l, body, sig) != (l == as) {
				t.Errorf("a signature %q verifies as %q", as, l)
			}
		}
		if ed25519.Verify(key.Public().(ed25519.PublicKey), body, sig) {
			t.Errorf("a signature %q verifies over the bare body", as)
		}
	}
}

// The signatures of real frames, each as every other that the frame's key
// could have made: an identity signs leaves and Joins, a leaf key all else.
func TestProperty43_SignaturesOfFramesAreOfOneType(t *testing.T) {
	s := commitStage(t, group.Invite)
	commit := s.commit("bob")
	tail := len(commit.tail())
	join := s.join("bob")
	leaf := join.leaf.bytes()
	for name, c := range map[string]struct {
		frame []byte // up to and with the signature
		as    string
		by    ed25519.PrivateKey
	}{
		"create":           {s.log[0], "sign create", s.actor("alice").leaf},
		"leaf":             {leaf[:len(leaf)-64], "sign leaf by identity", join.byIdentity},
		"leaf by leaf key": {leaf, "sign leaf by leaf key", join.byKey},
		"join":             {join.frame()[:len(join.frame())-64], "sign join by identity", join.byIdentity},
		"join by leaf key": {join.frame(), "sign join by leaf key", join.byKey},
		"leave":            {s.leave("bob").frame(), "sign leave", s.actor("bob").leaf},
		"remove":           {s.remove("alice", "bob", true).frame(), "sign remove", s.actor("alice").leaf},
		"commit":           {commit.frame()[:len(commit.frame())-tail], "sign commit", commit.by},
		"message":          {s.message("bob").frame(), "sign message", s.actor("bob").leaf},
	} {
		at := len(c.frame) - ed25519.SignatureSize
		for constant, l := range labels(t) {
			if strings.HasPrefix(constant, "sign") && group.Verify(public(c.by), l, c.frame[:at], c.frame[at:]) != (l == c.as) {
				t.Errorf("%s verifies as %q, or not as %q", name, l, c.as)
			}
		}
	}
}

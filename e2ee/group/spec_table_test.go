package group_test

import (
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

const (
	specRoomFile     = "../../spec/room-v1.md"
	specIdentityFile = "../../spec/identity-v1.md"
	specTableTitle   = "Checks and their tests"
)

func specFileText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

// specRows are the cells of the tables below the heading of that title.
func specRows(t *testing.T, text, title string) (rows [][]string) {
	t.Helper()
	_, section, found := strings.Cut(text, "## "+title+"\n")
	if !found {
		_, section, found = strings.Cut(text, ". "+title+"\n")
	}
	if !found {
		t.Fatalf("no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	return rows
}

// declaredTests are the tests of a directory.
func declaredTests(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	must(t, err)
	tests := make(map[string]bool)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		must(t, err)
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

var (
	specTestName = regexp.MustCompile("`(e2ee\\.)?((?:Test|Fuzz)\\w+)`")
	specReason   = regexp.MustCompile("`(Err\\w+)`")
)

// TestSpecTable holds that every test that a specification names exists, and
// that every check has one.
func TestSpecTable(t *testing.T) {
	here, above := declaredTests(t, "."), declaredTests(t, "..")
	for file, least := range map[string]int{specRoomFile: 60, specIdentityFile: 12} {
		rows := specRows(t, specFileText(t, file), specTableTitle)
		if len(rows) < least {
			t.Errorf("%s: %d rows", file, len(rows))
		}
		for _, row := range rows {
			last := row[len(row)-1]
			if last == "tests" {
				continue
			}
			named := specTestName.FindAllStringSubmatch(last, -1)
			if len(named) == 0 {
				t.Errorf("%s: %q has no test", file, row[0])
			}
			for _, name := range named {
				home := here
				if name[1] != "" {
					home = above
				}
				if !home[name[2]] {
					t.Errorf("%s: %q names %s%s, which does not exist", file, row[0], name[1], name[2])
				}
			}
		}
	}
}

// TestSpecReasons holds that each reason of the rules stands in the table of
// checks, and is one that the packages have.
func TestSpecReasons(t *testing.T) {
	known := make(map[string]bool)
	for _, file := range []string{"errors.go", "../errors.go"} {
		for _, name := range declaredValues(t, file) {
			known[name] = true
		}
	}
	for _, file := range []string{specRoomFile, specIdentityFile} {
		rules, table, _ := strings.Cut(specFileText(t, file), specTableTitle+"\n")
		for _, reason := range specReason.FindAllStringSubmatch(rules, -1) {
			if !known[reason[1]] {
				t.Errorf("%s names %s, which does not exist", file, reason[1])
			}
			if !strings.Contains(table, "`"+reason[1]+"`") {
				t.Errorf("%s has no check with %s in its table", file, reason[1])
			}
		}
	}
}

// declaredValues are the names of the variables in a file.
func declaredValues(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	must(t, err)
	ast.Inspect(parsed, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, name := range v.Names {
				names = append(names, name.Name)
			}
		}
		return true
	})
	return names
}

// TestSpecLabels holds that the labels of the code are those of the
// specification, each of them once.
func TestSpecLabels(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "labels.go", nil, parser.SkipObjectResolution)
	must(t, err)
	var code []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "label" {
			value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			must(t, err)
			code = append(code, value)
		}
		return true
	})
	var spec []string
	for _, row := range specRows(t, specFileText(t, specRoomFile), "Labels") {
		if name := strings.Trim(row[0], "`"); name != "label" {
			spec = append(spec, name)
		}
	}
	slices.Sort(code)
	if twice := slices.Compact(slices.Clone(code)); len(twice) != len(code) || len(code) < 30 {
		t.Errorf("%d labels, %d different", len(code), len(twice))
	}
	slices.Sort(spec)
	if spec = slices.Compact(spec); !slices.Equal(code, spec) {
		t.Errorf("labels of the code %q, of the specification %q", code, spec)
	}
}

// TestSpecLimits compares the table of limits.
func TestSpecLimits(t *testing.T) {
	code := map[string]int{
		"MaxMembers": group.MaxMembers, "MaxFrameSize": group.MaxFrameSize, "MaxTextSize": group.MaxTextSize, "MaxMessages": group.MaxMessages,
		"MaxNameSize": group.MaxNameSize, "MaxAdds": group.MaxAdds, "MaxBans": group.MaxBans, "MaxSkip": group.MaxSkip,
		"JoinWindow": group.JoinWindow, "MaxUsedJoins": group.MaxUsedJoins, "MaxWaiting": group.MaxWaiting,
	}
	for _, row := range specRows(t, specFileText(t, specRoomFile), "Limits")[1:] {
		name := strings.Trim(row[0], "`")
		if want, ok := code[name]; !ok || row[1] != strconv.Itoa(want) {
			t.Errorf("%s is %s in the specification and %d in the code", name, row[1], want)
		}
		delete(code, name)
	}
	if len(code) > 0 {
		t.Errorf("not in the specification: %v", code)
	}
}

// TestSpecWorkedBytes compares the bytes that the specification shows with the
// recorded room. A block ```worked values holds lines of a name, two spaces or
// more, and a value; another block holds the parts of one value in this form.
func TestSpecWorkedBytes(t *testing.T) {
	want := specWorked(readSpecVector(t))
	blocks := regexp.MustCompile("(?s)```worked ([^\n]+)\n(.*?)```").FindAllStringSubmatch(specFileText(t, specRoomFile), -1)
	got := make(map[string]string)
	for _, block := range blocks {
		for line := range strings.Lines(block[2]) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			if block[1] != "values" {
				name = block[1]
			}
			got[name] += strings.TrimSpace(value)
		}
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is shown as %.100q, want %.100q", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("shown, but not compared: %v", got)
	}
}

// specWorked is what the specification shows.
func specWorked(v *specVector) map[string]string {
	create, first := v.Log[0].Frame, v.Log[3]
	header := create[36+2:][:int(create[36])<<8|int(create[37])]
	e, entry, msg := v.Epochs[1], v.Epochs[1].Entries[0], first.Message
	worked := map[string]string{"digits": e.Digits}
	for name, value := range map[string]hexBytes{
		"create header": hexBytes(header), "roomID": v.RoomID, "M_0": v.Epochs[0].Transcript,
		"seen(0) in epoch 0": v.Epochs[0].SeenStart,
		"roster":             e.Roster, "policy": e.Policy, "M_1": e.Transcript, "H(roster_1)": e.RosterHash, "H(policy_1)": e.PolicyHash,
		"invite seed": v.InviteSeed0, "ss": entry.Shared, "ss'": entry.Salted, "KEK": entry.KEK, "secret": entry.Secret,
		"init_0": v.Init0, "commit_secret": e.CommitSecret, "joiner_secret": e.JoinerSecret, "epoch_secret": e.EpochSecret,
		"confirm": e.Confirm, "tag": e.Tag, "authenticator": e.Authenticator, "sender_root": e.SenderRoot,
		"init_1": e.Init, "welcome": e.WelcomeKey,
		"frame 4": first.Frame, "r_0": msg.Ratchet, "mk_0": msg.MessageKey, "Fernet key": msg.FernetKey,
		"plaintext 4": msg.Plaintext, "frame hash": first.Hash, "seen(1) in epoch 1": msg.SeenAfter,
	} {
		worked[name] = hex.EncodeToString(value)
	}
	return worked
}

// TestSpecSizes compares the sizes that the specification states.
func TestSpecSizes(t *testing.T) {
	text := specFileText(t, specRoomFile)
	for _, stated := range []string{
		fmt.Sprintf("the Create frame (%d bytes) M_0", len(readSpecVector(t).Log[0].Frame)),
		fmt.Sprintf("The bytes of `%q` are `%x`", specPrefix, specPrefix),
		fmt.Sprintf("%x 726f6f6d 00", specPrefix),
		fmt.Sprintf("%x %x 00", specPrefix, "sign message"),
	} {
		if !strings.Contains(text, stated) {
			t.Errorf("the specification does not say %s", stated)
		}
	}
}

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// TestMain lets the test binary be the program: the tests start themselves.
func TestMain(m *testing.M) {
	if os.Getenv("CHAT_MAIN") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A place has a folder for -store and a file with its passphrase.
type place struct {
	*testing.T
	folder, secret string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t, filepath.Join(t.TempDir(), "new", "folder"), filepath.Join(t.TempDir(), "passphrase")}
	p.write(p.secret, "correct horse\n")
	return p
}

func (p *place) write(path, text string) {
	p.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
}

// A run is one process of the program.
type run struct {
	*place
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr bytes.Buffer
	ended  chan struct{} // closed when it has printed its last line

	mu    sync.Mutex
	lines []string
	grown chan struct{} // closed and replaced when there are more
}

func (p *place) start(name string) *run {
	p.Helper()
	r := &run{place: p, ended: make(chan struct{}), grown: make(chan struct{})}
	r.cmd = exec.CommandContext(p.Context(), os.Args[0], "-name", name, "-store", p.folder, "-passphrase-file", p.secret)
	r.cmd.Env = append(os.Environ(), "CHAT_MAIN=1")
	r.cmd.Stderr = &r.stderr
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		p.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.mu.Lock()
			r.lines = append(r.lines, lines.Text())
			close(r.grown)
			r.grown = make(chan struct{})
			r.mu.Unlock()
		}
	}()
	return r
}

func (r *run) typed(lines ...string) {
	for _, line := range lines {
		io.WriteString(r.in, line+"\n") // where it has ended, await says so
	}
}

// printed returns the lines so far, and what is closed when there are more.
func (r *run) printed() ([]string, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines), r.grown
}

// count is how often something was printed.
func (r *run) count(what string) int {
	lines, _ := r.printed()
	return strings.Count(strings.Join(lines, "\n"), what)
}

// await waits until each has been printed.
func (r *run) await(texts ...string) {
	r.Helper()
	late := time.After(time.Minute)
	for _, text := range texts {
		for {
			lines, grown := r.printed()
			if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) }) {
				break
			}
			select {
			case <-grown:
			case <-r.ended:
				if r.count(text) == 0 {
					r.cmd.Wait()
					r.Fatalf("it ended without %q:\n%s\n%s", text, strings.Join(lines, "\n"), &r.stderr)
				}
			case <-late:
				r.Fatalf("no %q:\n%s", text, strings.Join(lines, "\n"))
			}
		}
	}
}

// quit ends the program, and returns what it printed.
func (r *run) quit() []string {
	r.Helper()
	r.typed("/quit")
	return r.end()
}

// end waits for the program, which is to end well.
func (r *run) end() []string {
	r.Helper()
	<-r.ended
	if err := r.cmd.Wait(); err != nil {
		r.Fatalf("%v: %s", err, &r.stderr)
	}
	return r.lines
}

// kill ends the program as a loss of power would, but for the disk.
func (r *run) kill() []string {
	r.Helper()
	r.cmd.Process.Kill()
	<-r.ended
	r.cmd.Wait()
	if r.stderr.Len() > 0 {
		r.Fatalf("before it was killed: %s", &r.stderr)
	}
	return r.lines
}

// refused waits for a program that is to fail, and returns what it says about that.
func (r *run) refused() string {
	r.Helper()
	<-r.ended
	if err := r.cmd.Wait(); err == nil {
		r.Fatalf("it ran: %s", strings.Join(r.lines, "\n"))
	}
	return r.stderr.String()
}

var numberLine = regexp.MustCompile(`(?m)^(\w+) +\| (safety number with \w+|authenticator of epoch \d+): ([0-9 ]+)$`)

// numbers are what people would compare, by who said which.
func numbers(lines []string) map[string]string {
	all := make(map[string]string)
	for _, m := range numberLine.FindAllStringSubmatch(strings.Join(lines, "\n"), -1) {
		all[m[1]+"'s "+m[2]] = m[3]
	}
	return all
}

// TestStore runs the program, and again.
func TestStore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start("Zoe")
	r.await(help)
	r.typed("hello")
	r.await("[Zoe] hello")
	r.typed("/as bob", "/away", "/as zoe", "for later", "/safety")
	r.await("Bob   | authenticator")
	first := r.quit()
	if len(numbers(first)) != 4 {
		t.Fatalf("%d numbers in\n%s", len(numbers(first)), strings.Join(first, "\n"))
	}
	if n := r.count("[Zoe] for later"); n != 0 {
		t.Error("Bob was away, and yet he reads")
	}

	r = p.start("Zoe")
	r.await("Zoe   | [You] are back in the Secure room.", "Bob   | [You] are back in the Secure room.", "[Zoe] for later")
	r.typed("/as bob", "got it", "/safety")
	r.await("[Bob] got it", "Bob   | authenticator")
	second := r.quit()
	for _, text := range []string{"[Zoe] hello", "has entered", "joined room", "Warning"} {
		if n := r.count(text); n > 0 {
			t.Errorf("the second run prints %q", text)
		}
	}
	for what, number := range numbers(first) {
		if got := numbers(second)[what]; got != number {
			t.Errorf("%s: %s, and then %s", what, number, got)
		}
	}

	r = p.start("Zoe")
	r.await(help)
	r.typed("/safety")
	r.await("Bob   | authenticator")
	r.quit()
	if n := r.count("[Zoe] for later") + r.count("[Bob] got it"); n > 0 {
		t.Errorf("the third run prints what was read")
	}
	p.pinned("Zoe", "Bob", numbers(first)["Zoe's safety number with Bob"])
	p.pinned("Bob", "Zoe", numbers(first)["Zoe's safety number with Bob"])
	p.nothingLegible("hello", "for later", "got it", "correct horse")
}

// pinned asks a client with an empty directory, so that it has only pins to go by.
func (p *place) pinned(name, other, number string) {
	p.Helper()
	store, err := keystore.Open(storePath(p.folder, name), keystore.Passphrase([]byte("correct horse")), nil)
	if err != nil {
		p.Fatal(err)
	}
	defer store.Close()
	nobody := transport.NewMemory(nil)
	c, err := e2ee.NewClient(p.Context(), e2ee.Config{Store: store, Relay: nobody, Directory: nobody})
	if err != nil {
		p.Fatal(err)
	}
	defer c.Close()
	if got, err := c.SafetyNumber(p.Context(), other); err != nil || got != number {
		p.Errorf("%s has pinned %s with %s (%v), not %s", name, other, got, err, number)
	}
}

// nothingLegible holds that a text is in no file, on the server's side neither.
func (p *place) nothingLegible(texts ...string) {
	p.Helper()
	files, err := filepath.Glob(filepath.Join(p.folder, "*"))
	if err != nil || len(files) != 5 {
		p.Errorf("files %q, %v", files, err)
	}
	for _, file := range files {
		all, err := os.ReadFile(file)
		if err != nil {
			p.Error(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			p.Errorf("%s is open to others: %v, %v", file, info.Mode(), err)
		}
		for _, text := range texts {
			if bytes.Contains(all, []byte(text)) {
				p.Errorf("%q is in %s", text, file)
			}
		}
	}
}

// TestStoreGuests has others come to the same folder.
func TestStoreGuests(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start("Zoe")
	r.await("[Bob] has entered")
	r.quit()
	r = p.start("../carol")
	r.await("Bob   | [You] are back", "../carol | [You] has entered", help)
	r.typed("hi all")
	r.await("Bob   | [../carol] hi all")
	r.quit()
	r = p.start("Zoe")
	r.await("Zoe   | [../carol] has entered", "Zoe   | [../carol] hi all")
	r.typed("/leave")
	r.await("Bob   | [Zoe] has left", "Zoe   | [You] has left")
	r.quit()
	r = p.start("Zoe")
	r.await("Zoe   | [You] has entered", "Bob   | [Zoe] has entered")
	r.quit()
	r = p.start("bob") // who is Bob
	r.await("Bob   | [You] are back", "Alice | [You] has entered")
	r.quit()
	if files, err := filepath.Glob(filepath.Join(p.folder, "*.db")); err != nil || len(files) != 4 {
		t.Errorf("stores %q, %v", files, err)
	}
}

// TestStoreSignals ends the program by signals, which is no different from /quit.
func TestStoreSignals(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		r := p.start("Zoe")
		r.await(help)
		r.cmd.Process.Signal(s)
		r.end()
	}
}

func TestStoreRefusals(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start("Zoe")
	r.await("[Bob] has entered")
	for _, name := range []string{"Zoe", "Bob", "bob", "carol"} {
		if got := p.start(name).refused(); !strings.Contains(got, "another chat is using this folder") {
			t.Errorf("of a second process: %s", got)
		}
	}
	r.quit()

	refuse := func(what, name, want string) {
		t.Helper()
		if got := p.start(name).refused(); !strings.Contains(got, want) || !strings.HasPrefix(got, "chat: ") {
			t.Errorf("%s: %s", what, got)
		}
	}
	right := p.secret
	p.secret = filepath.Join(t.TempDir(), "wrong")
	refuse("no file", "Zoe", p.secret)
	p.write(p.secret, "\ncorrect horse\n")
	refuse("nothing", "Zoe", "the passphrase is empty")
	p.write(p.secret, "correct horse ")
	refuse("another passphrase", "Zoe", "wrong passphrase or key\n      try again")
	p.secret = right
	refuse("a bad name", "a\u200bb", "take another name")

	for _, file := range []string{"Zoe.db", "Zoe.db.keys", "Bob.db", "relay.log"} {
		path := filepath.Join(p.folder, file)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(good)
		for i := range bad {
			bad[i] ^= 0x11
		}
		p.write(path, string(bad[:len(bad)/2])+"\n"+string(good[len(good)/2:]))
		refuse(file+" is damaged", "Zoe", "nothing was changed; ")
		p.write(path, string(good))
	}
	os.Rename(filepath.Join(p.folder, "Zoe.db"), filepath.Join(t.TempDir(), "Zoe.db"))
	os.Rename(filepath.Join(p.folder, "Zoe.db.keys"), filepath.Join(t.TempDir(), "Zoe.db.keys"))
	refuse("Zoe is gone", "Zoe", "put that back, or take another name")
	r = p.start("carol")
	r.await(help)
	r.quit()
}

func TestOptionsOfStore(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-store x", "-store needs -name"},
		{"-passphrase-file x", "of no use without -store"},
		{"-passphrase-file x -name me", "of no use without -store"},
		{"x", "what is"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(test.args)...)
		cmd.Env = append(os.Environ(), "CHAT_MAIN=1")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v, %s", test.args, err, out)
		}
	}
}

// TestStoreBackup puts back a copy of one person's files alone: its keys are behind
// the room, so it gets new ones, and goes on.
func TestStoreBackup(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start("Zoe")
	r.await("[Bob] has entered")
	r.quit()
	old := make(map[string]string)
	for _, file := range []string{"Zoe.db", "Zoe.db.keys"} {
		all, err := os.ReadFile(filepath.Join(p.folder, file))
		if err != nil {
			t.Fatal(err)
		}
		old[file] = string(all)
	}
	r = p.start("Zoe")
	r.await(help)
	r.typed("from the future")
	r.await("[Zoe] from the future")
	r.quit()
	for file, all := range old {
		p.write(filepath.Join(p.folder, file), all)
	}
	r = p.start("Zoe")
	r.await("store is older than the log", "Zoe   | [You] has entered", help)
	r.typed("back again")
	r.await("Bob   | [Zoe] back again")
	r.quit()
}

var numbered = regexp.MustCompile(`^(Zoe|Bob) +\| \[(Zoe|Bob)\] text (\d+)$`)

// TestStoreKilledAtFirst kills the program while it makes stores, people and room.
func TestStoreKilledAtFirst(t *testing.T) {
	t.Parallel()
	folders := 4
	if testing.Short() {
		folders = 2
	}
	for range folders {
		p := newPlace(t)
		for range 3 {
			r := p.start("Zoe")
			time.Sleep(time.Duration(rand.IntN(900)) * time.Millisecond)
			for _, line := range r.kill() {
				if strings.Contains(line, "(") && !strings.Contains(line, "went on") {
					t.Errorf("a kill makes %q", line)
				}
			}
		}
		r := p.start("Zoe")
		r.await(help)
		r.typed("here", "/as bob", "there", "/members")
		r.await("Bob   | [Zoe] here", "Zoe   | [Bob] there", "Zoe (admin)")
		r.quit()
		if t.Failed() {
			t.FailNow()
		}
	}
}

// TestStoreKilled kills the program again and again, while two people talk.
func TestStoreKilled(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	p := newPlace(t)
	said := make(map[int]bool)       // those that were taken, for certain
	heard := map[string][]int{}      // by reader
	next := 1                        // of Zoe if odd, of Bob if even
	note := func(r *run, upTo int) { // what a run printed, where it was given texts from next to upTo
		lines, _ := r.printed()
		begun := map[string]bool{}
		for _, line := range lines {
			m := numbered.FindStringSubmatch(line)
			switch {
			case m != nil:
				var n int
				fmt.Sscan(m[3], &n)
				reader, before := m[1], heard[m[1]]
				// The last line of a life may not have counted as read. It alone comes again.
				again := !begun[reader] && len(before) > 0 && before[len(before)-1] == n
				begun[reader] = true
				if !again {
					heard[reader] = append(before, n)
				}
			case strings.Contains(line, "(Warning"), strings.Contains(line, "cannot be"), strings.Contains(line, "not sent"),
				strings.Contains(line, "not let in"), strings.Contains(line, "Void"), strings.Contains(line, "has left"):
				t.Errorf("a kill makes %q", line)
			}
		}
		// The program repeats its help for each text that it took.
		for n := next; n < next+r.count(help)-1; n++ {
			said[n] = true
		}
		next = upTo
	}
	for round := range rounds {
		r := p.start("Zoe")
		if round%2 == 1 { // the others while everything opens
			r.await(help)
		}
		dead := make(chan []string)
		life := time.Duration(rng.IntN(600)) * time.Millisecond
		go func() {
			time.Sleep(life)
			dead <- r.kill()
		}()
		n := next
		for r.alive() {
			r.typed("/as "+[]string{"Bob", "Zoe"}[n%2], fmt.Sprintf("text %d", n), "/?")
			n++
			time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		}
		<-dead
		note(r, n)
	}
	r := p.start("Zoe")
	r.await(help)
	for _, n := range []int{next, next + 1} {
		r.typed("/as "+[]string{"Bob", "Zoe"}[n%2], fmt.Sprintf("text %d", n), "/?")
		r.await(fmt.Sprintf("] text %d", n))
	}
	r.quit()
	note(r, next+2)
	if n := r.count("joined room"); n > 0 {
		t.Error("they met again")
	}
	all := 0
	for reader, texts := range heard {
		odd := reader == "Bob"
		if !slices.IsSorted(texts) || len(slices.Compact(slices.Clone(texts))) != len(texts) {
			t.Errorf("%s reads %v", reader, texts)
		}
		for n := range said {
			if n%2 == 1 == odd && !slices.Contains(texts, n) {
				t.Errorf("%s never reads text %d", reader, n)
			}
		}
		all += len(texts)
	}
	if len(said) < rounds {
		t.Errorf("only %d texts were taken", len(said))
	}
	t.Logf("%d texts were typed, %d taken for certain, %d read", next-1, len(said), all)
}

// alive reports whether the program may still read.
func (r *run) alive() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

package interop_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// The recorded example, which README.md shows. PARLEY_RECORD=1 records it anew.
const (
	exampleLog   = "testdata/room-log.json"
	exampleAlice = "testdata/room-secrets-alice.json"
	exampleCarol = "testdata/room-secrets-carol.json"
)

// TestRoomExample runs the verifier as a person would, on the recorded example.
func TestRoomExample(t *testing.T) {
	p := python.get(t)
	if os.Getenv("PARLEY_RECORD") != "" {
		recordExample(t, p)
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   []string
	}{
		"help":           {[]string{"--help"}, 0, []string{"--secrets", "kem_keys", "exit status"}},
		"without keys":   {[]string{exampleLog}, 0, []string{"keys are not known", "not opened", "ErrEpoch, check 9.5/3", "\nVERIFIED"}},
		"strict":         {[]string{exampleLog, "--strict"}, 1, []string{"\nNOT VERIFIED"}},
		"the creator":    {[]string{exampleLog, "--secrets", exampleAlice, "--strict"}, 0, []string{"'Good evening'", "'Only us now'", "\nVERIFIED"}},
		"a late joiner":  {[]string{exampleLog, "--secrets", exampleCarol}, 0, []string{"the tag is right", "'Only us now'", "\nVERIFIED"}},
		"both":           {[]string{exampleLog, "--secrets", exampleAlice, "--secrets", exampleCarol, "--values"}, 0, []string{"the tag is right", "fernet_key:"}},
		"cut off":        {[]string{exampleLog, "--until", "5"}, 0, []string{"frames 5,"}},
		"no log":         {[]string{exampleAlice}, 2, nil},
		"no file":        {[]string{"testdata/none.json"}, 2, nil},
		"no room at all": {[]string{exampleLog, "--until", "0"}, 1, []string{"NOT VERIFIED"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, status := runVerifier(t, c.args...)
			if status != c.status {
				t.Fatalf("status %d, not %d\n%s", status, c.status, out)
			}
			for _, text := range c.says {
				if !strings.Contains(out, text) {
					t.Errorf("it does not say %q\n%s", text, out)
				}
			}
		})
	}
	room, frames := logIn(t, exampleLog)
	newPublicTwin(t, p, "example", room).read(t, frames...)
}

// TestRoomBadSecrets: what is no file of secrets is said to be none.
func TestRoomBadSecrets(t *testing.T) {
	for _, text := range []string{
		"", "[]", `{"kem_keys":5}`, `{"kem_keys":[5]}`, `{"kem_keys":["00"]}`, `{"kem_keys":["zz"]}`, `{"invite_seeds":[""]}`,
		`{"invite_seeds":{"a":1}}`, `{"init_0":1}`, `{"epochs":[]}`, `{"epochs":{"x":{}}}`, `{"epochs":{"1":5}}`,
		`{"epochs":{"1":{"init":"00"}}}`, `{"epochs":{"1":{"ratchets":[]}}}`, `{"epochs":{"1":{"ratchets":{"x":"00"}}}}`,
	} {
		path := filepath.Join(t.TempDir(), "secrets.json")
		check(os.WriteFile(path, []byte(text), 0o600))
		if out, status := runVerifier(t, exampleLog, "--secrets", path); status != 2 || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: status %d, %q", text, status, out)
		}
	}
}

// runVerifier runs peers/room.py with the Python that the other tests have.
func runVerifier(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(python.get(t).cmd.Path, append([]string{"-B", "peers/room.py"}, args...)...)
	b, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

func recordExample(t *testing.T, p *peer) {
	keytest.Use(t)
	l := &roomLog{t: t, r: newRandom(t), p: p, now: time.Unix(1_800_000_000, 0), content: map[string][]group.AppMessage{}, seen: map[string]int{}}
	creator := must(group.Create(l.named("alice"), "Example", group.Invite))
	l.watcher = newPublicTwin(t, p, "record", creator.Public().RoomID())
	alice := l.add(creator)
	l.sendAll(alice)
	bob := l.joins("bob", alice)
	l.commit(alice, group.Changes{})
	l.say(alice, "Good evening")
	l.say(bob, "Good evening to you", "Who else is coming?")
	l.append(l.frames[len(l.frames)-1])
	carol := l.joins("carol", bob)
	l.check(alice.Commit(group.Changes{}, l.now, nil), bob.Commit(group.Changes{NewKeys: true}, l.now, nil))
	l.save(alice)
	l.save(bob)
	l.append(append(alice.Unechoed(), bob.Unechoed()...)...)
	l.readAll()
	l.say(carol, "Hello, all")
	self, _ := bob.Self()
	l.check(alice.Remove(self.Membership, true))
	l.sendAll(alice)
	l.commit(alice, group.Changes{NewKeys: true})
	l.say(alice, "Only us now")
	l.append([]byte("noise"))
	l.commit(carol, group.Changes{Rekey: true})
	l.say(carol, "So it is")

	log := map[string]any{"note": "An example for peers/room.py. All keys are public: never use them.", "room_id": l.watcher.RoomID().String()}
	var frames []string
	for _, frame := range l.frames {
		frames = append(frames, hex.EncodeToString(frame))
	}
	log["log"] = frames
	for name, value := range map[string]any{exampleLog: log, exampleAlice: alice.secrets, exampleCarol: carol.secrets} {
		if err := os.WriteFile(name, append(must(json.MarshalIndent(value, "", " ")), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *roomLog) named(name string) group.Identity {
	return must(group.NewIdentity(name, ed25519.NewKeyFromSeed(l.r.bytes(ed25519.SeedSize))))
}

func (l *roomLog) check(all ...error) {
	l.t.Helper()
	if err := errors.Join(all...); err != nil {
		l.t.Fatal(err)
	}
}

// sendAll has a device's frames appended, and everybody read them.
func (l *roomLog) sendAll(d *roomDevice) {
	l.save(d)
	l.append(d.Unechoed()...)
	l.readAll()
}

func (l *roomLog) joins(name string, host *roomDevice) *roomDevice {
	d := l.add(must(group.Enter(l.named(name), l.watcher.RoomID(), must(host.Invitation()))))
	l.read(d)
	l.check(d.Join(l.now.Add(time.Hour)))
	l.sendAll(d)
	return d
}

func (l *roomLog) commit(d *roomDevice, changes group.Changes) {
	l.check(d.Commit(changes, l.now, nil))
	l.sendAll(d)
}

func (l *roomLog) say(d *roomDevice, texts ...string) {
	var queue []group.AppMessage
	for _, text := range texts {
		queue = append(queue, group.AppMessage{ID: group.MessageID(l.r.bytes(16)), Kind: 1, Text: []byte(text)})
	}
	n, err := d.Seal(queue, l.now)
	l.check(err)
	for _, frame := range d.Unechoed() {
		l.content[string(frame)] = queue[:n]
	}
	l.sendAll(d)
}

//go:build !js && !wasip1

package e2ee_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

var fileKey = keystore.Key([32]byte{7})

// fileStore is a store in a file that knows where that is.
type fileStore struct {
	*keystore.File
	path string
}

// newFilePerson is newPerson with a store in a file.
func newFilePerson(t testing.TB, name string, relay *transport.Memory) *person {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	f, err := keystore.Create(path, fileKey, nil)
	must(t, err)
	p := &person{t: t, cfg: e2ee.Config{Name: name, Store: fileStore{f, path}, Relay: relay, Directory: relay}}
	p.open()
	t.Cleanup(func() {
		_ = p.Close()
		must(t, p.cfg.Store.Close())
	})
	return p
}

// closeFile closes client and file in order, and opens both again.
func closeFile(p *person) {
	p.t.Helper()
	var unsent *e2ee.UnsentError
	if err := p.Close(); err != nil && !errors.As(err, &unsent) {
		p.t.Fatal(err)
	}
	was := p.cfg.Store.(fileStore)
	must(p.t, was.Close())
	p.openFile(was.path)
}

// killFile goes on with what the disk has at a moment in which nobody writes,
// as after a kill: what Close would do is not done.
func killFile(p *person) {
	p.t.Helper()
	synctest.Wait()
	was := p.cfg.Store.(fileStore)
	path := filepath.Join(p.t.TempDir(), "store")
	for _, suffix := range []string{"", ".keys"} {
		b, err := os.ReadFile(was.path + suffix)
		must(p.t, err)
		must(p.t, os.WriteFile(path+suffix, b, 0o600))
	}
	_ = p.Close()
	must(p.t, was.Close())
	p.openFile(path)
}

func (p *person) openFile(path string) {
	p.t.Helper()
	f, err := keystore.Open(path, fileKey, nil)
	must(p.t, err)
	p.cfg.Store = fileStore{f, path}
	p.open()
}

// newFileCast is newCast for three, with stores in files, who come back each
// time they have done something.
func newFileCast(t *testing.T, back func(*person)) *cast {
	c := &cast{relay: transport.NewMemory(nil)}
	for i, name := range castNames[:3] {
		p := newFilePerson(t, name, c.relay)
		c.people = append(c.people, p)
		var r *e2ee.Room
		var err error
		if i == 0 {
			r, err = p.Create(t.Context(), "Secure", nil)
		} else {
			r, err = p.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil)
		}
		must(t, err)
		c.rooms = append(c.rooms, r)
		c.reopen(i, back)
		until[e2ee.Entered](t, c.rooms[i], nil)
		c.reopen(0, back)
	}
	for _, r := range c.rooms {
		waitFor(t, func() bool { return len(r.Members()) == 3 })
	}
	return c
}

// TestConversationOnFiles has a room of people with their stores in files go
// through all that makes a conversation, and come back in the middle of it.
func TestConversationOnFiles(t *testing.T) {
	for name, back := range map[string]func(*person){"closed": closeFile, "killed": killFile} {
		bubble(t, name, func(t *testing.T) {
			c := newFileCast(t, back)
			c.talk(t, "cats")
			c.midSentence(t, back)
			alice, bob := c.rooms[0], c.people[1]

			must(t, alice.Remove(t.Context(), "bob", false))
			for i := range c.people {
				c.reopen(i, back)
			}
			for i, r := range c.rooms {
				gone := until(t, r, func(e2ee.Removed) bool { return true })
				if gone.Who.Name != "bob" || gone.By.Name != "alice" || gone.You != (i == 1) {
					t.Errorf("%s hears %+v", c.people[i].Name(), gone)
				}
			}
			if _, err := c.rooms[1].Send(t.Context(), []byte("still here")); !errors.Is(err, e2ee.ErrNotMember) {
				t.Errorf("bob sends: %v, want ErrNotMember", err)
			}
			_, err := bob.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil)
			must(t, err)
			c.reopen(1, back)
			until[e2ee.Entered](t, c.rooms[1], nil)
			must(t, c.rooms[1].ReplaceKeys(t.Context()))
			c.midSentence(t, back)

			time.Sleep(time.Hour) // the files have erased what is to be erased
			c.midSentence(t, back)
			c.agree(t)
		})
	}
}

// midSentence has everybody send, and come back before they have read anything:
// each hears what the others said, once, and that its own came back.
func (c *cast) midSentence(t *testing.T, back func(*person)) {
	t.Helper()
	ids := make(map[e2ee.MessageID]string)
	for i, r := range c.rooms {
		name := c.people[i].Name()
		ids[send(t, r, name)] = name
		c.reopen(i, back)
	}
	for i, r := range c.rooms {
		var heard []string
		until(t, r, func(ev e2ee.Event) bool {
			switch ev := ev.(type) {
			case e2ee.Message:
				if name, ok := ids[ev.ID]; ok && ev.From.Name == name && string(ev.Text) == name {
					heard = append(heard, name)
				}
			case e2ee.Sent:
				if name, ok := ids[ev.ID]; ok {
					heard = append(heard, name)
				}
			case e2ee.Undecryptable, e2ee.Warning, e2ee.NotSent:
				t.Errorf("%s hears %T %+v", c.people[i].Name(), ev, ev)
			}
			return len(heard) == len(c.rooms)
		})
		slices.Sort(heard)
		if !slices.Equal(heard, castNames[:len(c.rooms)]) {
			t.Errorf("%s hears of %q", c.people[i].Name(), heard)
		}
	}
	synctest.Wait()
	for i, r := range c.rooms {
		if again := all[e2ee.Message](pending(t, r)); len(again) > 0 {
			t.Errorf("%s hears %q as well", c.people[i].Name(), texts(again))
		}
	}
}

// TestFileHasOneOwner opens a file that a client has, and a client on it.
func TestFileHasOneOwner(t *testing.T) {
	alice := newFilePerson(t, "alice", transport.NewMemory(nil))
	if _, err := e2ee.NewClient(t.Context(), alice.cfg); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("a second client on the store: %v", err)
	}
	for _, opts := range []*keystore.Options{nil, {ReadOnly: true}} {
		_, err := keystore.Open(alice.cfg.Store.(fileStore).path, fileKey, opts)
		if !errors.Is(err, keystore.ErrLocked) {
			t.Errorf("the file is opened again: %v", err)
		}
	}
	before := alice.Identity().Fingerprint()
	closeFile(alice)
	if alice.Identity().Fingerprint() != before {
		t.Error("the file gave another identity")
	}
}

// TestReadOnlyFile opens a client on a store that cannot be written: it says so,
// and does nothing.
func TestReadOnlyFile(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newFilePerson(t, "alice", relay)
	_, err := alice.Create(t.Context(), "Secure", nil)
	must(t, err)
	must(t, alice.Close())
	path := alice.cfg.Store.(fileStore).path
	must(t, alice.cfg.Store.Close())
	f, err := keystore.Open(path, fileKey, &keystore.Options{ReadOnly: true})
	must(t, err)
	alice.cfg.Store = fileStore{f, path}
	alice.open()
	r := alice.room()
	if _, err := r.Send(t.Context(), []byte("not stored")); !errors.Is(err, keystore.ErrReadOnly) {
		t.Errorf("Send: %v, want ErrReadOnly", err)
	}
	if queued, sealed := r.Unsent(); len(queued)+len(sealed) > 0 {
		t.Error("memory is ahead of the store")
	}
}

package group_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// deed is one thing that happens in the story of a room. A text is sent; what
// closes the room to a thief of bob's device is his own commit, for it has no
// entry that his old keys open, and his removal.
type deed struct {
	do     func(w *world, all []*reader)
	text   string
	closes bool
}

func says(who int, text string) deed {
	return deed{text: text, do: func(w *world, all []*reader) { w.send(all[who], text) }}
}

func commits(who int, changes group.Changes) deed {
	return deed{closes: who == 1, do: func(w *world, all []*reader) { w.commit(all[who], changes) }}
}

var thiefStory = []deed{
	says(0, "one"),
	says(1, "two"),
	says(0, "three"),
	commits(2, group.Changes{Rekey: true}),
	says(2, "four"),
	commits(0, group.Changes{NewKeys: true}),
	says(1, "five"),
	says(1, "six"),
	commits(1, group.Changes{NewKeys: true}), // bob recovers
	says(0, "seven"),
	commits(2, group.Changes{Rotate: false, Rekey: true}),
	says(1, "eight"),
	{closes: true, do: func(w *world, all []*reader) { // bob is removed
		must(w.t, all[0].Remove(first(all[1].Self()).Membership, false))
		w.flush(all[0])
		w.read()
		w.commit(all[2], group.Changes{})
	}},
	says(0, "nine"),
}

// A device is robbed of all it stores and holds in memory, at every moment of a
// story. In the end, with the whole log, each thief reads just what was sent
// after its moment and before bob recovered or was removed: nothing from
// before, nothing he had read, and nothing from after.
func TestProperty35_36_RobbedAtEveryMoment(t *testing.T) {
	t.Parallel()
	w, all := invited(t, "alice", "bob", "carol")
	room := all[0].Public().RoomID()
	want, finds := make([][]string, len(thiefStory)+1), []loot{rob(t, all[1])}
	open := []int{0} // the moments whose thief reads on
	for i, deed := range thiefStory {
		deed.do(w, all)
		if deed.closes {
			open = nil
		}
		for _, moment := range open {
			if deed.text != "" {
				want[moment] = append(want[moment], deed.text)
			}
		}
		complete(t, all[1])
		finds, open = append(finds, rob(t, all[1])), append(open, i+1)
	}
	for moment, found := range finds {
		if testing.Short() && moment%3 != 0 {
			continue
		}
		if all[1].Status() == group.Gone && moment >= 13 {
			want[moment] = nil
		}
		if got := w.readWith(room, found); !slices.Equal(got, want[moment]) {
			t.Errorf("robbed at moment %d, the thief read %q, want %q", moment, got, want[moment])
		}
	}
}

// The search finds what there is to be found: each secret of the key schedule
// that would open a Message, hidden in noise, does.
func TestThiefFindsEverySecret(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	room, kem, init := alice.Public().RoomID(), group.KEMKeys(bob.Member), group.InitOf(bob.Member)
	seed := group.HandOut(bob.Member)
	dave := w.newcomer("dave", must2(alice.Invitation()))
	must(t, dave.Join(w.now.Add(time.Hour)))
	initKeys := group.KEMKeys(dave.Member)
	w.flush(dave)
	w.read()
	w.commit(alice, group.Changes{})
	ratchet := bytes.Clone(group.RatchetOf(bob.Member, 0))
	w.send(alice, "found")
	_, _, header, _ := group.TokenOf(w.log[len(w.log)-1])

	steps := group.Steps(room, w.log)
	last := steps[len(steps)-1]
	commitSecret := last.Open(kem[0], nil, nil)[0]
	joiner := group.Joiner(init, commitSecret)
	epoch, root := group.Spread(last, joiner)
	message := group.Ratchet(ratchet)()
	for name, keys := range map[string]struct {
		secrets [][]byte
		kems    int // 1 bob's, 2 dave's
	}{
		"init and commit_secret": {[][]byte{init, commitSecret}, 0},
		"init and leaf key":      {[][]byte{init}, 1},
		"seed and init key":      {[][]byte{seed}, 2},
		"welcome salt":           {[][]byte{group.WelcomeSalt(seed)}, 2},
		"joiner secret":          {[][]byte{joiner}, 0},
		"epoch secret":           {[][]byte{epoch}, 0},
		"sender root":            {[][]byte{root}, 0},
		"ratchet":                {[][]byte{ratchet}, 0},
		"message key":            {[][]byte{message}, 0},
		"Fernet key":             {[][]byte{group.FernetKeyOf(message, header)}, 0},
		"nothing":                {nil, 0},
		"leaf key alone":         {nil, 1},
		"init key alone":         {nil, 2},
		"init alone":             {[][]byte{init}, 0},
	} {
		th := newThief(t, room, w.log)
		for _, secret := range keys.secrets {
			if len(keys.secrets) == 1 { // two have to lie by themselves
				secret = slices.Concat(noise(5), secret, noise(3))
			}
			th.pocket(secret)
		}
		switch keys.kems {
		case 1:
			th.kems = kem
		case 2:
			th.kems = initKeys
		}
		th.epochs()
		want := `["found"]`
		if name == "nothing" || name == "leaf key alone" || name == "init key alone" || name == "init alone" {
			want = `[]`
		}
		if got := fmt.Sprintf("%q", th.read()); got != want {
			t.Errorf("%s: the thief read %s, want %s", name, got, want)
		}
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

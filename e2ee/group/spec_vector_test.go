package group_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// The types of this file are testdata/vectors/room-v1.json: a recorded room
// with every secret in it, as spec/room-v1.md derives them.

const specVectorFile = "../../testdata/vectors/room-v1.json"

// hexBytes is hex in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type specVector struct {
	Note        string       `json:"note"`
	RoomID      hexBytes     `json:"room_id"`
	Init0       hexBytes     `json:"init_0"`
	InviteSeed0 hexBytes     `json:"invite_seed_0"`
	People      []specPerson `json:"people"`
	Leaves      []specLeaf   `json:"leaves"`
	Log         []specFrame  `json:"log"`
	Epochs      []specEpoch  `json:"epochs"`
}

type specPerson struct {
	Name         string   `json:"name"`
	IdentitySeed hexBytes `json:"identity_seed"`
	IdentityKey  hexBytes `json:"identity_key"`
	Fingerprint  hexBytes `json:"fingerprint"`
}

// specLeaf is a leaf, in the order in which leaves appear in the log, with its
// private keys and, where a Join brought it, the init key.
type specLeaf struct {
	Name        string   `json:"name"`
	Hash        hexBytes `json:"leaf_hash"`
	SigningSeed hexBytes `json:"leaf_signing_seed"`
	KEMPrivate  hexBytes `json:"leaf_kem_private"`
	InitPrivate hexBytes `json:"init_kem_private,omitempty"`
}

type specFrame struct {
	Seq     int          `json:"seq"`
	Type    string       `json:"type"`
	Note    string       `json:"note,omitempty"`
	Frame   hexBytes     `json:"frame"`
	Verdict string       `json:"verdict"`
	Hash    hexBytes     `json:"frame_hash"`
	Message *specMessage `json:"message,omitempty"`
}

type specMessage struct {
	Epoch      uint64    `json:"epoch"`
	Sender     uint8     `json:"sender"`
	Generation uint64    `json:"generation"`
	SeenAfter  hexBytes  `json:"seen_after"`
	Ratchet    hexBytes  `json:"ratchet"`
	MessageKey hexBytes  `json:"message_key"`
	FernetKey  hexBytes  `json:"fernet_key"`
	Plaintext  hexBytes  `json:"plaintext"`
	SentAt     uint64    `json:"sent_at"`
	Texts      []specApp `json:"messages"`
}

type specApp struct {
	ID   hexBytes `json:"id"`
	Kind uint8    `json:"kind"`
	Text string   `json:"text"`
}

type specEpoch struct {
	Epoch      uint64   `json:"epoch"`
	Transcript hexBytes `json:"transcript"`
	SeenStart  hexBytes `json:"seen_start"`
	RankHashes []string `json:"rank_hashes"`
	Roster     hexBytes `json:"roster"`
	RosterHash hexBytes `json:"roster_hash"`
	Policy     hexBytes `json:"policy"`
	PolicyHash hexBytes `json:"policy_hash"`

	CommitSecret  hexBytes            `json:"commit_secret,omitempty"`
	JoinerSecret  hexBytes            `json:"joiner_secret,omitempty"`
	EpochSecret   hexBytes            `json:"epoch_secret,omitempty"`
	Init          hexBytes            `json:"init"`
	Confirm       hexBytes            `json:"confirm,omitempty"`
	Tag           hexBytes            `json:"tag,omitempty"`
	Authenticator hexBytes            `json:"authenticator,omitempty"`
	Digits        string              `json:"digits,omitempty"`
	SenderRoot    hexBytes            `json:"sender_root,omitempty"`
	Ratchets      map[string]hexBytes `json:"ratchets,omitempty"`
	WelcomeKey    hexBytes            `json:"welcome,omitempty"`
	InviteSeed    hexBytes            `json:"invite_seed"`
	InviteKey     hexBytes            `json:"invite_public_key"`
	Entries       []specEntry         `json:"entries,omitempty"`
}

type specEntry struct {
	Index  uint8    `json:"index"`
	Role   uint8    `json:"role"`
	Shared hexBytes `json:"ss"`
	Salted hexBytes `json:"ss_prime"`
	KEK    hexBytes `json:"kek"`
	Secret hexBytes `json:"secret"`
}

func readSpecVector(t testing.TB) *specVector {
	t.Helper()
	raw, err := os.ReadFile(specVectorFile)
	must(t, err)
	v := &specVector{}
	must(t, json.Unmarshal(raw, v))
	if len(v.Log) < 18 || len(v.Epochs) != 5 || len(v.Leaves) < 5 {
		t.Fatalf("%s holds %d frames, %d epochs, %d leaves", specVectorFile, len(v.Log), len(v.Epochs), len(v.Leaves))
	}
	return v
}

// only is the vector without what is derived from the rest: frames, seeds,
// private keys and commit secrets stay.
func (v *specVector) only() *specVector {
	in := &specVector{Note: v.Note, Init0: v.Init0, InviteSeed0: v.InviteSeed0}
	for _, p := range v.People {
		in.People = append(in.People, specPerson{Name: p.Name, IdentitySeed: p.IdentitySeed})
	}
	for _, l := range v.Leaves {
		in.Leaves = append(in.Leaves, specLeaf{Name: l.Name, SigningSeed: l.SigningSeed, KEMPrivate: l.KEMPrivate, InitPrivate: l.InitPrivate})
	}
	for _, f := range v.Log {
		in.Log = append(in.Log, specFrame{Seq: f.Seq, Note: f.Note, Frame: f.Frame})
	}
	for _, e := range v.Epochs {
		in.Epochs = append(in.Epochs, specEpoch{Epoch: e.Epoch, CommitSecret: e.CommitSecret})
	}
	return in
}

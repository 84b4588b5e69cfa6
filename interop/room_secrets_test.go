package interop_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
	"golang.org/x/crypto/cryptobyte"
)

// roomSecrets are a member's, in the form that peers/room_files.py documents.
type roomSecrets struct {
	KEMKeys     []string                    `json:"kem_keys,omitempty"`
	InviteSeeds []string                    `json:"invite_seeds,omitempty"`
	Init0       string                      `json:"init_0,omitempty"`
	Epochs      map[string]roomEpochSecrets `json:"epochs,omitempty"`
}

type roomEpochSecrets struct {
	Init          string            `json:"init"`
	Authenticator string            `json:"authenticator"`
	Ratchets      map[string]string `json:"ratchets"`
}

// roomCommit is an own Commit that was stored before it left, with what it leads to
// if it wins. It has no entry for the one who made it.
type roomCommit struct {
	frame   string
	secrets roomEpochSecrets
	seed    string
	kem     string
}

// secretsOf reads what a member stored: the library gives its secrets to its store
// and to nobody else. The form of the records is package group's own.
func secretsOf(t *testing.T, records group.Records, epoch uint64) (s roomSecrets, own *roomCommit) {
	t.Helper()
	if raw := records["keys"]; raw != nil {
		s.addKEM(kemOfLeaf(t, raw))
	}
	if raw := records["request"]; raw != nil {
		r := recordReaderOf(t, raw)
		r.vec(2)
		s.addKEM(kemOfLeaf(t, r.vec(2)))
		s.addKEM(hex.EncodeToString(r.vec(2)))
		s.addSeed(hex.EncodeToString(r.vec(1)))
	}
	if raw := records["epoch"]; raw != nil && epoch == 0 {
		r := recordReaderOf(t, raw)
		s.Init0 = hex.EncodeToString(r.vec(1))
		r.vec(1)
		s.addSeed(hex.EncodeToString(r.vec(1)))
	}
	if raw := records["proposal"]; raw != nil {
		r := recordReaderOf(t, raw)
		own = &roomCommit{frame: string(r.vec(3)), secrets: epochSecretsOf(t, r.vec(3)), seed: hex.EncodeToString(r.vec(1))}
		if keys := r.vec(2); len(keys) > 0 {
			own.kem = kemOfLeaf(t, keys)
		}
	}
	return s, own
}

func (s *roomSecrets) addKEM(key string) { s.KEMKeys = append(s.KEMKeys, key) }

func (s *roomSecrets) addSeed(seed string) {
	if seed != "" {
		s.InviteSeeds = append(s.InviteSeeds, seed)
	}
}

// win adds the secrets of an own Commit that started an epoch.
func (s *roomSecrets) win(epoch uint64, own *roomCommit) {
	s.Epochs = map[string]roomEpochSecrets{fmt.Sprint(epoch): own.secrets}
	s.addSeed(own.seed)
	if own.kem != "" {
		s.addKEM(own.kem)
	}
}

// add takes in more, each once.
func (s *roomSecrets) add(more roomSecrets) {
	have := map[string]bool{}
	for _, x := range append(s.KEMKeys, s.InviteSeeds...) {
		have[x] = true
	}
	for _, key := range more.KEMKeys {
		if !have[key] {
			s.addKEM(key)
		}
	}
	for _, seed := range more.InviteSeeds {
		if !have[seed] {
			s.addSeed(seed)
		}
	}
	if more.Init0 != "" {
		s.Init0 = more.Init0
	}
	if s.Epochs == nil {
		s.Epochs = map[string]roomEpochSecrets{}
	}
	maps.Copy(s.Epochs, more.Epochs)
}

func kemOfLeaf(t *testing.T, keys []byte) string {
	r := recordReaderOf(t, keys)
	r.take(32)
	return hex.EncodeToString(r.vec(2))
}

func epochSecretsOf(t *testing.T, raw []byte) roomEpochSecrets {
	r := recordReaderOf(t, raw)
	s := roomEpochSecrets{Ratchets: map[string]string{}}
	s.Init, s.Authenticator = hex.EncodeToString(r.vec(1)), hex.EncodeToString(r.vec(1))
	for len(r.left) > 0 {
		index := r.take(1)[0]
		s.Ratchets[fmt.Sprint(index)] = hex.EncodeToString(r.take(32))
	}
	return s
}

// recordReader reads records of package group, or fails the test.
type recordReader struct {
	t    *testing.T
	left cryptobyte.String
}

func recordReaderOf(t *testing.T, record []byte) *recordReader { return &recordReader{t, record} }

func (r *recordReader) take(n int) (out []byte) {
	if !r.left.ReadBytes(&out, n) {
		r.t.Fatal("a record of package group has another form than this test knows")
	}
	return out
}

// vec takes a field after its length of so many bytes.
func (r *recordReader) vec(size int) []byte {
	n := 0
	for _, b := range r.take(size) {
		n = n<<8 | int(b)
	}
	return r.take(n)
}

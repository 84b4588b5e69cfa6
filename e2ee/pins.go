package e2ee

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// pin is the identity that a name stands for here, and the newest bundle seen.
type pin struct {
	Fingerprint group.Fingerprint
	Key         group.IdentityKey // zero after AcceptIdentity, until looked up
	Serial      uint64
	Bundle      group.Hash // of the newest bundle's bytes
	Verified    bool
}

func bundleName(name string) string { return "id:" + name }
func roomName(name string) string   { return "room:" + name }

// loadPins reads all of them at start: rosters are compared with pins often.
func loadPins(ctx context.Context, store keystore.Store) (map[string]pin, error) {
	pins := make(map[string]pin)
	err := store.View(ctx, func(tx keystore.Tx) error {
		for rec, err := range tx.Scan(bucketPins, nil) {
			if err != nil {
				return err
			}
			var p pin
			if json.Unmarshal(rec.Value, &p) != nil {
				return ErrState
			}
			pins[string(rec.Key)] = p
		}
		return nil
	})
	return pins, err
}

// Lookup asks the directory for a person's bundle, verifies it and pins the
// identity under the name if none is pinned. It returns ErrNoDirectory,
// transport.ErrNotFound, ErrBadBundle, ErrDowngrade, ErrBundleExpired,
// ErrBundleRollback or an [*IdentityChangedError], with which nothing changes.
func (c *Client) Lookup(ctx context.Context, name string) (*Bundle, error) {
	if c.cfg.Directory == nil {
		return nil, ErrNoDirectory
	}
	if !usableName(name) {
		return nil, ErrName
	}
	c.publishAgain(ctx)
	raw, err := c.cfg.Directory.Lookup(ctx, bundleName(name))
	if err != nil {
		return nil, err
	}
	b, err := ParseBundle(raw)
	switch {
	case err != nil:
		return nil, err
	case b.Name != name:
		return nil, ErrBadBundle
	case !b.validAt(time.Now()):
		return nil, ErrBundleExpired
	}
	if err := c.pinBundle(ctx, b); err != nil {
		return nil, err
	}
	return b, nil
}

// pinBundle compares a bundle with the pin, and moves the pin's serial on.
func (c *Client) pinBundle(ctx context.Context, b *Bundle) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, pinned := c.pinOf(b.Name)
	hash := group.Hash(sha256.Sum256(b.raw))
	if pinned && p.Fingerprint != b.Fingerprint() {
		return &IdentityChangedError{b.Name, p.Fingerprint, b.Fingerprint()}
	}
	if pinned && (b.Serial < p.Serial || b.Serial == p.Serial && hash != p.Bundle) {
		return ErrBundleRollback
	}
	next := pin{b.Fingerprint(), b.Identity, b.Serial, hash, p.Verified}
	if pinned && next == p {
		return nil
	}
	return c.storePin(ctx, b.Name, next)
}

// storePin is called with c.mu held. Rooms judge their rosters anew.
func (c *Client) storePin(ctx context.Context, name string, p pin) error {
	value, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if c.closed {
		return ErrClosed
	}
	err = c.update(ctx, func(tx keystore.WriteTx) error {
		return tx.Store(bucketPins, []byte(name), value)
	})
	if err != nil {
		return err
	}
	c.pins[name] = p
	c.pinned++
	return nil
}

// SafetyNumber returns 60 digits in groups of five that are the same on both
// sides exactly if both know the same two identities under the same two names.
// A name that is not pinned is looked up, and pinned, first.
func (c *Client) SafetyNumber(ctx context.Context, name string) (string, error) {
	key, err := c.pinnedKey(name)
	if errors.Is(err, ErrNotPinned) {
		b, err := c.Lookup(ctx, name)
		if err != nil {
			return "", err
		}
		key = b.Identity
	}
	return safetyNumber(c.identity.Name(), c.identity.Public(), name, key), nil
}

// pinnedKey is the key of the fingerprint that is pinned under a name, as a
// bundle or, for one that was accepted unseen, the roster of a room has it. It
// returns ErrNotPinned where no such key was seen.
func (c *Client) pinnedKey(name string) (group.IdentityKey, error) {
	c.mu.Lock()
	p, ok := c.pins[name]
	rooms := slices.Collect(maps.Values(c.rooms))
	c.mu.Unlock()
	if ok && p.Key != (group.IdentityKey{}) {
		return p.Key, nil
	}
	for _, r := range rooms {
		for _, who := range r.Members() {
			if ok && who.Fingerprint == p.Fingerprint {
				return who.Identity, nil
			}
		}
	}
	return group.IdentityKey{}, ErrNotPinned
}

// Verify records that the two people compared number. It returns ErrNotPinned
// (also for an accepted fingerprint whose key neither a lookup nor a roster has
// shown), or ErrSafetyNumber if it is not theirs; white space does not count.
func (c *Client) Verify(name, number string) error {
	key, err := c.pinnedKey(name)
	if err != nil {
		return err
	}
	want := onlyDigits(safetyNumber(c.identity.Name(), c.identity.Public(), name, key))
	if subtle.ConstantTimeCompare([]byte(want), []byte(onlyDigits(number))) != 1 {
		return ErrSafetyNumber
	}
	same := false
	err = c.changePin(name, func(p pin) pin {
		// Nobody accepted another one meanwhile?
		if same = p.Fingerprint == key.Fingerprint(); same {
			p.Key, p.Verified = key, true
		}
		return p
	})
	if err == nil && !same {
		return ErrSafetyNumber
	}
	return err
}

// Verified reports whether Verify succeeded for the identity pinned now.
func (c *Client) Verified(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pins[name].Verified
}

// AcceptIdentity pins fingerprint under name, in place of whichever was. Rooms
// that waited because of it go on. It returns ErrName for a name that nobody
// can have, and for the client's own.
func (c *Client) AcceptIdentity(name string, fingerprint group.Fingerprint) error {
	if !usableName(name) || name == c.identity.Name() {
		return ErrName
	}
	err := c.changePin(name, func(p pin) pin {
		if p.Fingerprint == fingerprint {
			return p
		}
		return pin{Fingerprint: fingerprint}
	})
	if err == nil {
		c.kickAll()
	}
	return err
}

func (c *Client) changePin(name string, change func(pin) pin) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.storePin(c.ctx, name, change(c.pins[name]))
}

// publishAgain makes up for a directory that was out of reach at the start.
func (c *Client) publishAgain(ctx context.Context) {
	c.mu.Lock()
	due := c.unpublished
	c.unpublished = false
	c.mu.Unlock()
	if due && c.publishBundle(ctx, false) != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unpublished = true
	}
}

// publishBundle puts the own bundle where others look it up.
func (c *Client) publishBundle(ctx context.Context, fresh bool) error {
	if c.cfg.Directory == nil {
		return nil
	}
	there, err := c.cfg.Directory.Lookup(ctx, bundleName(c.identity.Name()))
	switch {
	case err == nil && bytes.Equal(there, c.identity.secret().bundle):
		return nil
	case err == nil && fresh && !c.cfg.TakeOver:
		return fmt.Errorf("%w: the directory has somebody else under it; a lost store comes back by Import, or by Config.TakeOver as a new identity", ErrNameTaken)
	case err == nil:
		if err := c.outrun(ctx, there); err != nil {
			return err
		}
	case !errors.Is(err, transport.ErrNotFound):
		return err
	}
	name, bundle := bundleName(c.identity.Name()), c.identity.secret().bundle
	if err = c.cfg.Directory.Publish(ctx, name, bundle); err == nil {
		return nil
	}
	// It may have been stored all the same.
	if there, lookupErr := c.cfg.Directory.Lookup(ctx, name); lookupErr == nil && bytes.Equal(there, bundle) {
		return nil
	}
	return err
}

// outrun signs anew where an old copy of the store would publish a bundle that
// others have seen a newer one of.
func (c *Client) outrun(ctx context.Context, there []byte) error {
	b, err := ParseBundle(there)
	if err != nil || b.Identity != c.identity.Public() || b.Serial < c.identity.secret().serial {
		return nil
	}
	c.identity.secret().serial = b.Serial
	c.identity.signBundle(time.Now())
	return c.identity.store(ctx, c.update)
}

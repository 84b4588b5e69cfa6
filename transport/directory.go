package transport

import (
	"bytes"
	"context"
)

// Publish implements [Directory]. An error means that nothing was stored.
func (m *Memory) Publish(ctx context.Context, name string, bundle []byte) error {
	if err := m.check(ctx, name); err != nil {
		return err
	}
	if len(bundle) > m.opts.MaxBundle {
		return ErrTooLarge
	}
	stored := append([]byte{}, bundle...)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isClosed() {
		return ErrClosed
	}
	old, replaces := m.bundles[name]
	growth := int64(len(bundle)) - int64(len(old))
	if !replaces {
		growth += overhead + int64(len(name))
	}
	if !replaces && len(m.bundles) >= m.opts.Entries || m.bundleBytes+growth > m.opts.DirectoryBytes {
		return ErrFull
	}
	m.bundles[name] = stored
	m.bundleBytes += growth
	return nil
}

// Lookup implements [Directory].
func (m *Memory) Lookup(ctx context.Context, name string) ([]byte, error) {
	if err := m.check(ctx, name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	bundle, found := m.bundles[name]
	switch {
	case m.isClosed():
		return nil, ErrClosed
	case !found:
		return nil, ErrNotFound
	}
	return bytes.Clone(bundle), nil
}

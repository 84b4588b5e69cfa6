package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/parley-e2ee/parley/transport"
)

// expectBundle compares what Lookup finds.
func expectBundle(ctx context.Context, dir transport.Directory, name string, want []byte) error {
	got, err := dir.Lookup(ctx, name)
	if err != nil {
		return fmt.Errorf("lookup: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("lookup returned another bundle (%d bytes) than was published last (%d bytes)", len(got), len(want))
	}
	return nil
}

func checkPublishLookup(ctx context.Context, dir transport.Directory) error {
	name := "id:" + newName()
	if _, err := dir.Lookup(ctx, name); !errors.Is(err, transport.ErrNotFound) {
		return fmt.Errorf("lookup of an unknown name: got %v, want ErrNotFound", err)
	}
	for _, bundle := range [][]byte{[]byte("a first bundle"), []byte("another"), []byte("a third, longer bundle")} {
		if err := dir.Publish(ctx, name, bundle); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if err := expectBundle(ctx, dir, name, bundle); err != nil {
			return err
		}
	}
	return nil
}

func checkEntriesAreSeparate(ctx context.Context, dir transport.Directory) error {
	names := lookalikes()
	for i, name := range names {
		if err := dir.Publish(ctx, name, []byte(name)); err != nil {
			return fmt.Errorf("publish under name %d: %w", i, err)
		}
	}
	for i, name := range names {
		if err := expectBundle(ctx, dir, name, []byte(name)); err != nil {
			return fmt.Errorf("name %d: %w", i, err)
		}
	}
	return nil
}

func checkEntryNames(ctx context.Context, dir transport.Directory) error {
	for i, name := range badNames {
		if err := dir.Publish(ctx, name, []byte("bundle")); !errors.Is(err, transport.ErrBadName) {
			return fmt.Errorf("publish under bad name %d: got %v, want ErrBadName", i, err)
		}
		if _, err := dir.Lookup(ctx, name); !errors.Is(err, transport.ErrBadName) {
			return fmt.Errorf("lookup of bad name %d: got %v, want ErrBadName", i, err)
		}
	}
	for i, name := range goodNames() {
		if err := dir.Publish(ctx, name, []byte(name)); err != nil {
			return fmt.Errorf("publish under good name %d: %w", i, err)
		}
		if err := expectBundle(ctx, dir, name, []byte(name)); err != nil {
			return fmt.Errorf("good name %d: %w", i, err)
		}
	}
	return nil
}

func checkBundleSizes(ctx context.Context, dir transport.Directory) error {
	name := newName()
	last := random(transport.MaxBundle)
	for _, bundle := range [][]byte{{}, {0}, last} {
		if err := dir.Publish(ctx, name, bundle); err != nil {
			return fmt.Errorf("publish of %d bytes: %w", len(bundle), err)
		}
		if err := expectBundle(ctx, dir, name, bundle); err != nil {
			return err
		}
	}
	more := random(transport.MaxBundle + 1)
	switch err := dir.Publish(ctx, name, more); {
	case err == nil:
		last = more
	case !errors.Is(err, transport.ErrTooLarge):
		return fmt.Errorf("publish of %d bytes: got %w, want %w", len(more), err, transport.ErrTooLarge)
	}
	return expectBundle(ctx, dir, name, last)
}

func checkBundlesAreCopied(ctx context.Context, dir transport.Directory) error {
	name := newName()
	want := []byte("a bundle of somebody's keys")
	bundle := bytes.Clone(want)
	if err := dir.Publish(ctx, name, bundle); err != nil {
		return err
	}
	clear(bundle)
	for range 2 {
		got, err := dir.Lookup(ctx, name)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return errors.New("a bundle changed with a slice of Publish's or Lookup's caller")
		}
		clear(got[:cap(got)])
	}
	return nil
}

func checkDirectoryContext(ctx context.Context, dir transport.Directory) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	name := newName()
	stored := true
	if err := dir.Publish(ended, name, []byte("bundle")); err != nil {
		stored = false
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("publish with an ended context: got %w, want %w", err, context.Canceled)
		}
	}
	_, err := dir.Lookup(ctx, name)
	if err != nil && (stored || !errors.Is(err, transport.ErrNotFound)) {
		return fmt.Errorf("lookup after a publish with an ended context: %w", err)
	}
	return nil
}

// checkConcurrentPublish has a writer replace one bundle while readers look:
// they find a whole one, and never an older one than they found before.
func checkConcurrentPublish(ctx context.Context, dir transport.Directory) error {
	name := newName()
	if err := dir.Publish(ctx, name, numbered(0)); err != nil {
		return err
	}
	var all group
	published := make(chan struct{})
	all.start(func() error {
		defer close(published)
		for i := range repeat(300) {
			if err := dir.Publish(ctx, name, numbered(i)); err != nil {
				return err
			}
		}
		return nil
	})
	for range 4 {
		all.start(func() error {
			for newest := 0; ; {
				i, err := lookupNumber(ctx, dir, name)
				if err != nil {
					return err
				}
				if i < newest {
					return errors.New("lookup returned a bundle replaced before an earlier lookup")
				}
				newest = i
				select {
				case <-published:
					return nil
				default:
					runtime.Gosched()
				}
			}
		})
	}
	return all.wait()
}

// numbered is a bundle that says everywhere which one it is.
func numbered(i int) []byte { return bytes.Repeat([]byte{byte(i >> 8), byte(i)}, 500) }

// lookupNumber returns which of the numbered bundles is found under name.
func lookupNumber(ctx context.Context, dir transport.Directory, name string) (int, error) {
	got, err := dir.Lookup(ctx, name)
	if err != nil {
		return 0, err
	}
	if len(got) != 1000 || !bytes.Equal(got, bytes.Repeat(got[:2], 500)) {
		return 0, errors.New("lookup returned a bundle that nobody published")
	}
	return int(got[0])<<8 | int(got[1]), nil
}

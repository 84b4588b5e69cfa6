package keystoretest

import (
	"context"

	"github.com/parley-e2ee/parley/keystore"
)

// RunCheck returns what the check of that name finds wrong with store.
func RunCheck(ctx context.Context, name string, store keystore.Store) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range checks {
		if c.name == name {
			return c.run(ctx, store)
		}
	}
	panic("no check " + name)
}

// CheckNames returns the names of all checks.
func CheckNames() (names []string) {
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

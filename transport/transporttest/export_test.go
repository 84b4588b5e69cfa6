package transporttest

import (
	"context"

	"github.com/parley-e2ee/parley/transport"
)

// RunRelayCheck returns what the check of that name finds wrong with relay.
func RunRelayCheck(ctx context.Context, name string, relay transport.Relay) error {
	return runCheck(ctx, relayChecks, name, relay)
}

// RunDirectoryCheck returns what the check of that name finds wrong with dir.
func RunDirectoryCheck(ctx context.Context, name string, dir transport.Directory) error {
	return runCheck(ctx, directoryChecks, name, dir)
}

func runCheck[T any](ctx context.Context, checks []check[T], name string, subject T) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range checks {
		if c.name == name {
			return c.run(ctx, subject)
		}
	}
	panic("no check " + name)
}

// CheckNames returns the names of all checks.
func CheckNames() (names []string) {
	for _, c := range relayChecks {
		names = append(names, c.name)
	}
	for _, c := range directoryChecks {
		names = append(names, c.name)
	}
	return names
}

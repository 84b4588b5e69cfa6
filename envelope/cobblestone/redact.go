package cobblestone

import "github.com/parley-e2ee/parley/internal/redact"

// redacted is embedded in what holds a secret, so that no printer, logger or
// encoder shows it.
type redacted = redact.Secret

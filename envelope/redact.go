package envelope

import "github.com/parley-e2ee/parley/internal/redact"

// redacted is embedded in what holds a secret.
type redacted = redact.Secret

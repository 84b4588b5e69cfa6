package transport

import "unicode/utf8"

// MaxName is the size in bytes of the longest room or directory name.
const MaxName = 255

// CheckName returns [ErrBadName] unless name may name a room or a directory
// entry: 1 to [MaxName] bytes of valid UTF-8 without the control characters
// U+0000 to U+001F and U+007F to U+009F.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return ErrBadName
	}
	for _, r := range name {
		if r <= 0x1f || 0x7f <= r && r <= 0x9f {
			return ErrBadName
		}
	}
	return nil
}

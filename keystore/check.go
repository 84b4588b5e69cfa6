package keystore

// Check returns [ErrBadBucket] unless b may be used. Stores call it before
// anything else.
func (b Bucket) Check() error {
	if b.Name == "" || len(b.Name) > MaxBucketName {
		return ErrBadBucket
	}
	for i := range len(b.Name) {
		if !isNameByte(b.Name[i]) {
			return ErrBadBucket
		}
	}
	return nil
}

func isNameByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.' || c == '/'
}

// CheckKey returns [ErrBadKey] unless key has 1 to [MaxKey] bytes.
func CheckKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKey {
		return ErrBadKey
	}
	return nil
}

// CheckValue returns [ErrTooLarge] unless value has at most [MaxValue] bytes.
func CheckValue(value []byte) error {
	if len(value) > MaxValue {
		return ErrTooLarge
	}
	return nil
}

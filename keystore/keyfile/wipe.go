package keyfile

// wipe overwrites a secret that has served.
func wipe(secret []byte) {
	if onWipe != nil {
		onWipe(secret)
	}
	clear(secret)
}

// onWipe is for a test to look on.
var onWipe func(secret []byte)

package keyfile

// File is what is written to.
type File = file

// Calls let a test stand in for the operating system.
type Calls struct {
	Create       func(path string) (File, error)
	Link, Rename func(from, to string) error
	Remove       func(path string) error
	SyncFolder   func(path string) error
}

// OS returns the calls to the operating system.
func OS() Calls {
	c := osCalls
	return Calls{c.create, c.link, c.rename, c.remove, c.syncFolder}
}

func (c Calls) calls() *calls {
	return &calls{c.Create, c.Link, c.Rename, c.Remove, c.SyncFolder}
}

// WriteWith is WriteFile with calls of the test's.
func WriteWith(c Calls, path string, data []byte) error {
	return writeFile(c.calls(), path, data, place)
}

// ReplaceWith is ReplaceFile with calls of the test's.
func ReplaceWith(c Calls, path string, data []byte) error {
	return writeFile(c.calls(), path, data, replace)
}

// OnWipe has look called with every secret that is about to be overwritten, until
// the test ends.
func OnWipe(t interface{ Cleanup(func()) }, look func(secret []byte)) {
	onWipe = look
	t.Cleanup(func() { onWipe = nil })
}

package keyfile

import (
	"fmt"
	"io"
	"os"
)

// ReadFile is [Parse] of what the file at path holds. Of a larger file than
// [MaxSize] no more than that is read: [ErrLimit]. What stops the file from being
// read is an *[os.PathError] in the chain of the error.
func ReadFile(path string, passphrase []byte) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keyfile: %w", err)
	}
	defer f.Close()
	data := make([]byte, MaxSize+1) // one more, for Parse to refuse
	defer wipe(data)
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("keyfile: %w", err)
	}
	return Parse(data[:n], passphrase)
}

// WriteFile writes data, which the caller marshalled, to a new file at path that
// only its owner can read (mode 0600; on Windows the folder's rules hold). Where
// there is something at path, be it a folder or a symbolic link that leads
// nowhere, it stays as it is and the error is [os.ErrExist].
//
// The file is there as a whole or not at all, and where the error is nil it has
// reached the disk. Where it is not nil the file may be there, and is whole if it
// is. On file systems without hard links a crash in the middle
// can leave an empty file, and it is against other calls of WriteFile alone that
// path is sure to be free.
func WriteFile(path string, data []byte) error {
	return writeFile(&osCalls, path, data, place)
}

// ReplaceFile is [WriteFile] over what may be at path. An old file gives way as a
// whole, and its mode with it; of a symbolic link the link gives way, and the file
// that it leads to stays. A folder stays, and is an error.
func ReplaceFile(path string, data []byte) error {
	return writeFile(&osCalls, path, data, replace)
}

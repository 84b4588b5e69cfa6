package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/parley-e2ee/parley/transport"
)

// A server is what people need between them.
type server interface {
	transport.Relay
	transport.Directory
}

// mostOnDisk bounds the file of a diskServer, and with it what that holds in memory.
const mostOnDisk = 64 << 20

// A diskServer is the server's side of a chat that outlives its process: the relay
// and directory in memory, and a file with a line for whatever was given to them, in
// that order. Nothing in it is secret to the operator; read it.
//
// It reaches the file before anybody sees it. People who had read a frame that the
// relay then forgot could never go on in that room.
type diskServer struct {
	*transport.Memory // for Head, Subscribe and Lookup

	mu     sync.Mutex
	file   *os.File
	size   int64
	failed error // why nothing is written any more
}

// An entry is a line of the file: a frame of a room, or somebody's bundle.
type entry struct {
	Room  string `json:",omitempty"`
	Name  string `json:",omitempty"`
	Bytes []byte
}

// openServer goes on with the file at path, or begins it. The caller sees to it that
// there is one server for a file.
func openServer(path string, op *operator) (*diskServer, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &diskServer{file: file, Memory: transport.NewMemory(&transport.MemoryOptions{
		// The bound is that of the file.
		RoomFrames: mostOnDisk, RoomBytes: 1 << 40, Rooms: mostOnDisk, TotalBytes: 1 << 40,
		Entries: mostOnDisk, DirectoryBytes: 1 << 40,
		Observe: op.observe,
	})}
	if err := op.recall(s.replay); err != nil {
		s.Close()
		return nil, err
	}
	syncFolder(filepath.Dir(path))
	return s, nil
}

// replay takes in the file. A last line without an end is one at which the process
// died: whoever it was from was not told that it is there, and sends it again.
func (s *diskServer) replay() error {
	all, err := io.ReadAll(io.LimitReader(s.file, mostOnDisk+1))
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		line, rest, ended := bytes.Cut(all[s.size:], []byte("\n"))
		if !ended {
			return s.file.Truncate(s.size)
		}
		var e entry
		err := json.Unmarshal(line, &e)
		if err == nil {
			_, err = s.keep(e)
		}
		if err != nil {
			return fmt.Errorf("%s is damaged in line %d (%w)\n      nothing was changed; rooms need all of it: put back a copy of the last state, or start over in another folder", s.file.Name(), number, err)
		}
		s.size = int64(len(all) - len(rest))
	}
}

// keep hands an entry to the relay or directory in memory.
func (s *diskServer) keep(e entry) (seq uint64, err error) {
	if e.Room != "" {
		return s.Memory.Append(context.Background(), e.Room, e.Bytes)
	}
	return 0, s.Memory.Publish(context.Background(), e.Name, e.Bytes)
}

// Append implements [transport.Relay].
func (s *diskServer) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	return s.add(ctx, room, transport.MaxFrame, entry{Room: room, Bytes: payload})
}

// Publish implements [transport.Directory]. It lets everybody replace everything,
// which is well among those who share a process. A server that others reach asks
// e2ee.ParseBundle whose a bundle is.
func (s *diskServer) Publish(ctx context.Context, name string, bundle []byte) error {
	_, err := s.add(ctx, name, transport.MaxBundle, entry{Name: name, Bytes: bundle})
	return err
}

// add refuses before it writes: what is in the file has to be taken at the next start.
func (s *diskServer) add(ctx context.Context, name string, most int, e entry) (seq uint64, err error) {
	if err := transport.CheckName(name); err != nil {
		return 0, err
	}
	if len(e.Bytes) > most {
		return 0, transport.ErrTooLarge
	}
	line, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	line = append(line, '\n')
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case s.failed != nil:
		return 0, s.failed
	case s.size+int64(len(line)) > mostOnDisk:
		return 0, transport.ErrFull
	}
	if _, err = s.file.Write(line); err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		// How much of the line is there, nobody knows before the next start.
		s.failed = err
		return 0, err
	}
	s.size += int64(len(line))
	return s.keep(e)
}

// Close ends the server, in memory and on disk.
func (s *diskServer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == transport.ErrClosed {
		return nil
	}
	s.failed = transport.ErrClosed
	s.Memory.Close()
	return s.file.Close()
}

// syncFolder has the names in a folder survive a loss of power, where a system can
// be asked for that.
func syncFolder(path string) {
	if folder, err := os.Open(path); err == nil {
		folder.Sync()
		folder.Close()
	}
}

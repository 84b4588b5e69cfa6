package e2ee

import (
	"iter"
	"sync"

	"github.com/parley-e2ee/parley/transport"
)

// An inbox stands between a subscription and whoever applies its frames, so
// that those that wait are applied, and stored, together.
type inbox struct {
	mu     sync.Mutex
	moved  *sync.Cond // mu's: something came, was taken or ended
	frames []transport.Frame
	weight int
	ended  bool // nothing more comes
	err    error
	closed bool // nothing more is taken
}

const (
	// maxInbox bounds what waits in an inbox: by its bytes, and at about 250
	// small frames, which are some ten milliseconds of work.
	maxInbox    = 1 << 20
	frameWeight = 4 << 10
)

func newInbox() *inbox {
	in := &inbox{}
	in.moved = sync.NewCond(&in.mu)
	return in
}

// fill puts frames in until they or the inbox end.
func (in *inbox) fill(frames iter.Seq2[transport.Frame, error]) {
	for f, err := range frames {
		if err != nil {
			in.end(err)
			return
		}
		if !in.put(f) {
			return
		}
	}
	in.end(nil)
}

// put waits for room. It reports that the inbox is open.
func (in *inbox) put(f transport.Frame) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.weight >= maxInbox && !in.closed {
		in.moved.Wait()
	}
	in.frames = append(in.frames, f)
	in.weight += len(f.Payload) + frameWeight
	in.moved.Broadcast()
	return !in.closed
}

func (in *inbox) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended, in.err = true, err
	in.moved.Broadcast()
}

func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.moved.Broadcast()
}

// take waits for frames and takes all that there are. After the last it gives
// none, and the error with which they ended, if any.
func (in *inbox) take() ([]transport.Frame, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.frames) == 0 && !in.ended {
		in.moved.Wait()
	}
	if len(in.frames) == 0 {
		return nil, in.err
	}
	frames := in.frames
	in.frames, in.weight = nil, 0
	in.moved.Broadcast()
	return frames, nil
}

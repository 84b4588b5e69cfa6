package transporttest

import (
	"fmt"
	"slices"
	"time"
)

// Drop loses the frame. A writer is told that it was stored; for a reader the
// numbers close up, as if it had never been. Of bundles, Publish does nothing
// and Lookup finds nothing.
func Drop() Act { return simple("Drop()", onFrame|onBundle, func(f *fate) { f.gone = true }) }

// Skip withholds the frame from a reader and leaves a hole in the numbers.
func Skip() Act { return simple("Skip()", onShow, func(f *fate) { f.skip = true }) }

// Delay waits before the frame is stored or delivered, or the bundle is
// published or returned. Append and Subscribe wait meanwhile.
func Delay(d time.Duration) Act {
	return sensible(d > 0, simple(fmt.Sprintf("Delay(%d)", d), onFrame|onBundle, func(f *fate) { f.wait += d }))
}

// Hold puts the frame behind the next n: Hold(1) swaps it with the next. A
// writer is told at once that it was stored.
func Hold(n int) Act {
	return sensible(n > 0, simple(fmt.Sprintf("Hold(%d)", n), onFrame, func(f *fate) { f.hold = n }))
}

// Duplicate stores or shows the frame twice, under two numbers.
func Duplicate() Act {
	return simple("Duplicate()", onFrame, func(f *fate) { f.after = append(f.after, slices.Clone(f.payload)) })
}

// Redeliver delivers the frame n times more, under the one number.
func Redeliver(n int) Act {
	return sensible(n > 0, simple(fmt.Sprintf("Redeliver(%d)", n), onShow, func(f *fate) { f.again += n }))
}

// Renumber lies about the number of the frame by delta: to its writer, or to a
// reader.
func Renumber(delta int64) Act {
	return sensible(delta != 0, simple(fmt.Sprintf("Renumber(%d)", delta), onFrame, func(f *fate) { f.shift += delta }))
}

// Replay repeats after the frame the one that came as the n-th of the log,
// counted from 0, under a number of its own; a negative n is drawn. Of Lookup
// it returns the n-th bundle that was published under the name.
func Replay(n int) Act {
	return Act{
		call: "Replay(%d)", where: onFrame | onLookup, n: int64(n), limit: func(f *fate) int { return len(f.log) },
		do: func(f *fate, a Act) bool {
			if a.n >= int64(len(f.log)) || f.log[a.n].lost {
				return false
			}
			payload := slices.Clone(f.log[a.n].payload)
			if f.room == nil {
				f.payload = payload
			} else {
				f.after = append(f.after, payload)
			}
			return true
		},
	}
}

// Copy puts the frame into another room too, where it does what that room's
// frames do: for everybody, or for the one reader. An empty name is drawn among
// the rooms that were used.
func Copy(room string) Act {
	return Act{
		call: "Copy(%q)", where: onFrame, name: room, pick: room == "",
		do: func(f *fate, a Act) bool {
			for _, r := range f.rooms {
				if r.name == a.name && r != f.room {
					f.into = append(f.into, r)
					return true
				}
			}
			return false
		},
	}
}

// Inject puts a frame in front of this one.
func Inject(payload []byte) Act {
	return Act{
		call: "Inject([]byte(%q))", where: onFrame, data: append([]byte{}, payload...),
		do: func(f *fate, a Act) bool {
			f.before = append(f.before, slices.Clone(a.data))
			return true
		},
	}
}

// Garbage is [Inject] of size random bytes, at least one.
func Garbage(size int) Act {
	a := Inject(nil)
	a.data, a.size = nil, max(size, 1)
	return a
}

// Flip changes one bit of the content, counted from the lowest bit of the first
// byte; a negative bit is drawn. Where there are fewer it does nothing.
func Flip(bit int) Act {
	return Act{
		call: "Flip(%d)", where: onFrame | onBundle, n: int64(bit), limit: func(f *fate) int { return 8 * len(f.payload) },
		do: func(f *fate, a Act) bool {
			if a.n >= int64(8*len(f.payload)) {
				return false
			}
			f.payload = slices.Clone(f.payload)
			f.payload[a.n/8] ^= 1 << (a.n % 8)
			return true
		},
	}
}

// Cut leaves the first n bytes of the content; a negative n is drawn. Where
// there are no more it does nothing.
func Cut(n int) Act {
	return Act{
		call: "Cut(%d)", where: onFrame | onBundle, n: int64(n), limit: func(f *fate) int { return len(f.payload) },
		do: func(f *fate, a Act) bool {
			if a.n >= int64(len(f.payload)) {
				return false
			}
			f.payload = slices.Clone(f.payload[:a.n])
			return true
		},
	}
}

// Extend puts data behind the content.
func Extend(data []byte) Act {
	return sensible(len(data) > 0, Act{
		call: "Extend([]byte(%q))", where: onFrame | onBundle, data: append([]byte{}, data...),
		do: func(f *fate, a Act) bool {
			f.payload = slices.Concat(f.payload, a.data)
			return true
		},
	})
}

// Replace puts data in the place of the content.
func Replace(data []byte) Act {
	return Act{
		call: "Replace([]byte(%q))", where: onFrame | onBundle, data: append([]byte{}, data...),
		do: func(f *fate, a Act) bool {
			f.payload = slices.Clone(a.data)
			return true
		},
	}
}

// Swap has Lookup return what is published under another name.
func Swap(name string) Act {
	return sensible(name != "", simple(fmt.Sprintf("Swap(%q)", name), onLookup, func(f *fate) { f.swap = name }))
}

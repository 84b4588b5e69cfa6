package transport

// What a frame or a directory entry counts in bytes besides its content and,
// for an entry, its name. A room counts this and its name once.
const overhead = 64

// MemoryOptions bound what a [Memory] stores. In each bound 0 or less means
// the default, which is given in brackets.
type MemoryOptions struct {
	// MaxFrame is the size in bytes of the largest payload [1 MiB, MaxFrame].
	// A payload that RoomBytes or TotalBytes could never hold is too large
	// as well.
	MaxFrame int
	// RoomFrames is the number of frames stored for a room [1,048,576].
	RoomFrames int
	// RoomBytes is the number of bytes stored for a room, each frame counting
	// its payload and 64 bytes [256 MiB].
	RoomBytes int64
	// Rooms is the number of rooms [65,536]. One without frames counts while
	// a subscription waits on it.
	Rooms int
	// TotalBytes is the number of bytes stored for all rooms, each room
	// counting its frames, its name and 64 bytes [1 GiB].
	TotalBytes int64
	// DropOldest makes space for a new frame by dropping the oldest of the
	// same room, where that suffices, instead of refusing it with ErrFull. A
	// reader that needs a dropped frame gets a TruncatedError.
	DropOldest bool

	// MaxBundle is the size in bytes of the largest bundle [64 KiB, MaxBundle].
	MaxBundle int
	// Entries is the number of directory entries [65,536].
	Entries int
	// DirectoryBytes is the number of bytes stored for the directory, each
	// entry counting its name, its bundle and 64 bytes [64 MiB].
	DirectoryBytes int64

	// Observe, if not nil, is called with every frame, before a subscriber
	// can see it and before Append returns: in order within a room, for
	// several rooms at once. The Frame is the hook's own. While it runs,
	// other Appends to that room wait; nothing else does, so it may call any
	// method but Append of the same room. If it panics, so does Append, and
	// the frame is not stored: the next one takes its number.
	Observe func(room string, f Frame)
}

// withDefaults returns a copy of o with every bound set.
func (o *MemoryOptions) withDefaults() MemoryOptions {
	var c MemoryOptions
	if o != nil {
		c = *o
	}
	setDefault(&c.MaxFrame, MaxFrame)
	setDefault(&c.RoomFrames, 1<<20)
	setDefault(&c.RoomBytes, 256<<20)
	setDefault(&c.Rooms, 1<<16)
	setDefault(&c.TotalBytes, 1<<30)
	setDefault(&c.MaxBundle, MaxBundle)
	setDefault(&c.Entries, 1<<16)
	setDefault(&c.DirectoryBytes, 64<<20)
	return c
}

func setDefault[T int | int64](bound *T, value T) {
	if *bound <= 0 {
		*bound = value
	}
}

package transporttest

import (
	"errors"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

var errLost = errors.New("transporttest: connection lost")

// Random is a script that does each of steps with that chance, at every occasion
// that fits it, by draws from seed. A step with a Chance of its own has so much
// of it. The same seed does the same when the same is asked of the relay by the
// same people: what goroutines do at the same time does not change each other's
// draws. Rooms go by the order in which they are first used, not by their names,
// which are often random.
func Random(seed uint64, chance float64, steps ...Step) Script {
	s := make(Script, len(steps))
	for i, step := range steps {
		if step.Chance == 0 {
			step.Chance = 1
		}
		step.Chance *= chance
		step.Seed = seed
		s[i] = step
	}
	return s
}

// Faults is what happens on a bad network or with a relay that is restarted:
// calls fail, or did not fail and say so, or are slow; frames are lost, come
// twice, or break off. Everything that a client has to get over unharmed.
func Faults() []Step {
	return []Step{
		{Do: Drop()}, {Do: Refuse(errLost)}, {Do: Deny(errLost)}, {Do: Duplicate()},
		{Do: Delay(time.Second)}, {Do: Delay(20 * time.Second)}, {To: Anyone, Do: Delay(time.Second)},
		{Do: Break(errLost)}, {Do: Redeliver(2)}, {To: Anyone, Do: Refuse(errLost)}, {Do: RefuseHead(errLost)},
	}
}

// Lies is what a hostile relay does to everybody alike: it alters, invents,
// repeats and reorders frames and lies about numbers. A room whose frames are
// authenticated and resent gets over each of these.
//
// What leaves a reader with a history of its own for good, as Fork or Drop with
// To, or without the next frame until [Liar.Behave], as Skip, Truncate or
// Renumber with To, is not in it.
func Lies() []Step {
	return []Step{
		{Do: Flip(-1)}, {Do: Cut(-1)}, {Do: Extend([]byte("more"))}, {Do: Garbage(20)},
		{Do: Replay(-1)}, {Do: Copy("")}, {Do: Hold(1)}, {Do: Hold(3)}, {Do: Renumber(1)},
		{Do: Break(&transport.TruncatedError{First: 1 << 20})},
		{Do: SayHead(0)}, {Do: ShiftHead(-1)}, {Do: ShiftHead(1)}, {Do: SayHead(1<<64 - 1)},
	}
}

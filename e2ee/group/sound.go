package group

// sound remembers, by their hashes, Joins whose keys and signatures are good by
// themselves, and under which invite key the proof is: a Join is met as a
// frame, again in the commit that serves it, and with every frame while it
// waits. It is no part of the state, and bounded.
type sound map[Hash]proof

// proof says that the Join's proof verifies under a key, if right is set.
type proof struct {
	under [32]byte
	right bool
}

// maxSound is some 64 KiB of them.
const maxSound = 1024

func (s sound) add(j *join, p proof) {
	if known, ok := s[j.hash]; ok && known.right && !p.right {
		return
	} else if !ok && len(s) >= maxSound {
		for some := range s {
			delete(s, some)
			break
		}
	}
	s[j.hash] = p
}

// proves reports that the Join's proof verifies under invite.
func (s sound) proves(j *join, invite [32]byte) bool {
	known, ok := s[j.hash]
	if known == (proof{invite, true}) {
		return true
	}
	if !verify(invite, signProof, j.proven, j.proof) {
		return false
	}
	if ok {
		s.add(j, proof{invite, true})
	}
	return true
}

// parseInline reads the Joins that a commit serves, as parseJoin does, and says
// of each what is wrong with it: what comes before it is judged first.
func (p *Public) parseInline(frames [][]byte) (joins []*join, void []error) {
	joins, void = make([]*join, len(frames)), make([]error, len(frames))
	inParallel(len(frames), func(i int) {
		if joins[i], void[i] = decodeJoin(frames[i], p.room); void[i] != nil {
			return
		}
		if _, ok := p.sound[joins[i].hash]; !ok {
			void[i] = joins[i].check()
		}
	})
	for i, j := range joins {
		if void[i] == nil {
			p.sound.add(j, proof{})
		}
	}
	return joins, void
}

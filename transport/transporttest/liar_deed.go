package transporttest

// A Deed is one misbehaviour that was done. It is the step that does the same
// again, and nothing else, in a run in which the same is asked of the relay:
// chance, drawn numbers and conditions are replaced by what they came to. Room
// is the room's name; clear it where rooms get other names in every run.
type Deed struct{ Step }

// Deeds returns what was done so far, in order.
func (l *Liar) Deeds() []Deed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Deed(nil), l.deeds...)
}

// note is called with l.mu held.
func (l *Liar) note(o occasion, act Act) {
	s := Step{Room: o.room, Nth: o.n, Do: act}
	who := o.who
	if who == "" && o.at != onAppend {
		who = Anyone
	}
	switch o.at {
	case onAppend:
		s.By = who
	case onPublish:
		s.By, s.Name, s.Room = who, o.room, ""
	case onLookup:
		s.To, s.Name, s.Room = who, o.room, ""
	default:
		s.To = who
	}
	l.deeds = append(l.deeds, Deed{s})
}

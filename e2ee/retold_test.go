package e2ee_test

import "slices"

// retold is what an application was shown over several lives, without the
// repetitions: each begins with up to 64 events that were shown already, in
// their order and to the last, where the store does not know so.
type retold[E any] struct {
	same   func(a, b E) bool
	before []E // this life
	life   []E
	all    []E
}

const retoldMost = 64

func (r *retold[E]) begin() { r.before, r.life = r.all, nil }

func (r *retold[E]) add(ev E) {
	r.life = append(r.life, ev)
	if len(r.life) > retoldMost {
		r.all = append(r.all, ev)
		return
	}
	r.all = append(slices.Clip(r.before), r.life[r.repeated():]...)
}

// repeated is how many events at the start of this life are old ones.
func (r *retold[E]) repeated() int {
	tail := r.before[max(0, len(r.before)-retoldMost):]
	for i := range tail {
		n := min(len(tail)-i, len(r.life))
		if slices.EqualFunc(tail[i:i+n], r.life[:n], r.same) {
			return n
		}
	}
	return 0
}

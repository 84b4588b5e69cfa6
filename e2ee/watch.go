package e2ee

import (
	"context"
	"errors"
	"time"
)

// stallAfter is how long a subscription may yield nothing new while the relay
// says that there is more.
const stallAfter = time.Minute

// errAskAgain ends a subscription that is to be begun anew without a word.
var errAskAgain = errors.New("e2ee: ask for the head again")

// A watch ends a subscription on which nothing comes that should: the relay
// said that the log goes up to head, or repeats numbers that it has given.
// Whether there is more then, the relay's next answer for its head says.
type watch struct {
	ctx        context.Context // ends with the subscription
	cancel     context.CancelCauseFunc
	timer      *time.Timer
	due        time.Time // when it ends; zero while nothing is to come
	last, head uint64
}

func watchOver(ctx context.Context, last, head uint64) *watch {
	w := &watch{last: last, head: head}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(stallAfter, func() { w.cancel(errAskAgain) })
	w.pause()
	if last < head {
		w.start()
	}
	return w
}

func (w *watch) start() {
	w.due = time.Now().Add(stallAfter)
	w.timer.Reset(stallAfter)
}

// pause stops the clock while a frame is taken in.
func (w *watch) pause() { w.timer.Stop() }

// saw goes on after the frame numbered seq was taken in. One that came before
// gives the relay no more time for the next.
func (w *watch) saw(seq uint64) {
	stale := seq <= w.last
	w.last = max(w.last, seq)
	switch {
	case stale && !w.due.IsZero():
		w.timer.Reset(time.Until(w.due))
	case stale || w.last < w.head:
		w.start()
	default:
		w.due = time.Time{}
		w.timer.Stop() // a frame that was taken in together with this one may have set it
	}
}

// reason is why the subscription ended, where it ended with err: ErrWithheld or
// errAskAgain if this watch ended it.
func (w *watch) reason(err error) error {
	if context.Cause(w.ctx) != errAskAgain {
		return err
	}
	if w.last < w.head {
		return ErrWithheld
	}
	return errAskAgain
}

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

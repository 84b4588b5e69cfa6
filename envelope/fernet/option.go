package fernet

import "time"

// defaultSkew is how far ahead a token's clock may be, in seconds, where a
// maximum age is given and [MaxSkew] is not: the spec's 60.
const defaultSkew = 60

// An Option is a condition on the time of a token; the last of a kind counts.
// Without any, a token is good for ever.
type Option struct {
	kind    optionKind
	seconds int64
}

type optionKind uint8

const (
	maxAge optionKind = iota + 1
	maxSkew
)

// MaxAge refuses tokens older than d with [ErrExpired], and those dated more
// than 60 seconds in the future with [ErrClockSkew]; [MaxSkew] replaces the 60.
//
// Time is counted in whole seconds, as tokens do: d is rounded down, and a token
// exactly d old passes. A d of zero passes tokens of the present second and
// later; a negative one asks for tokens from the future. To pass a token of any
// age, leave the option out.
func MaxAge(d time.Duration) Option {
	return Option{maxAge, wholeSeconds(d)}
}

// MaxSkew refuses tokens dated more than d in the future with [ErrClockSkew]. A
// token exactly d ahead passes; d is rounded down to whole seconds. It is checked
// even where no maximum age is given.
func MaxSkew(d time.Duration) Option {
	return Option{maxSkew, wholeSeconds(d)}
}

// wholeSeconds rounds towards the past, which is the stricter side of both options.
func wholeSeconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second < 0 {
		s--
	}
	return s
}

// checkTime applies opts to an authentic token made at ts, in seconds since 1970.
func checkTime(ts uint64, now time.Time, opts []Option) error {
	var age, skew Option
	for _, o := range opts {
		switch o.kind {
		case maxAge:
			age = o
		case maxSkew:
			skew = o
		}
	}
	if age.kind != 0 && skew.kind == 0 {
		skew = Option{maxSkew, defaultSkew}
	}
	if age.kind != 0 && expired(ts, now.Unix(), age.seconds) {
		return ErrExpired
	}
	if skew.kind != 0 && ahead(ts, now.Unix(), skew.seconds) {
		return ErrClockSkew
	}
	return nil
}

// expired reports ts + age < now, exactly for all arguments: where now - age is
// not negative, it fits in 64 bits and unsigned arithmetic finds it.
func expired(ts uint64, now, age int64) bool {
	return now >= age && ts < uint64(now)-uint64(age)
}

// ahead reports now + skew < ts, exactly for all arguments that a
// [time.Duration] can give: where the sum is not negative, it fits.
func ahead(ts uint64, now, skew int64) bool {
	return now < -skew || uint64(now)+uint64(skew) < ts
}

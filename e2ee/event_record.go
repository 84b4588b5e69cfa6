package e2ee

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// eventRecord is an event as the store keeps it until the application has
// asked for the next: the name of its type, its fields, and apart from them its
// Reason by name and SentAt, which a stranger chose and JSON has no room for,
// in Unix seconds.
type eventRecord struct {
	Type   string
	Fields json.RawMessage
	Reason string `json:",omitempty"`
	SentAt int64  `json:",omitempty"`
}

// eventTypes are the zero values of every Event.
var eventTypes = []Event{
	Entered{}, Waiting{}, JoinFailed{}, Message{}, Sent{}, NotSent{}, Joined{}, Left{}, Removed{},
	PolicyChanged{}, Undecryptable{}, Refused{}, Warning{},
}

// reasons are the errors that events carry; their texts name them.
var reasons = append(group.Reasons(),
	ErrBareName, ErrRelay, ErrTruncated, ErrWithheld, ErrGap, ErrStateRollback, ErrNewDevice,
	ErrReplaced, ErrNotListed, ErrIdentityChanged, ErrName, ErrState)

// knownReason is the sentinel that err is.
func knownReason(err error) error {
	i := slices.IndexFunc(reasons, func(known error) bool { return errors.Is(err, known) })
	if i < 0 {
		return ErrState
	}
	return reasons[i]
}

// reasonNamed is the reason of that text, or ErrState.
func reasonNamed(text string) error {
	i := slices.IndexFunc(reasons, func(known error) bool { return known.Error() == text })
	if i < 0 {
		return ErrState
	}
	return reasons[i]
}

func marshalEvent(ev Event) ([]byte, error) {
	v := reflect.New(reflect.TypeOf(ev)).Elem()
	v.Set(reflect.ValueOf(ev))
	rec := eventRecord{Type: v.Type().Name()}
	if f := v.FieldByName("Reason"); f.IsValid() {
		reason, _ := f.Interface().(error)
		rec.Reason = knownReason(reason).Error()
		f.SetZero()
	}
	if f := v.FieldByName("SentAt"); f.IsValid() {
		rec.SentAt = f.Interface().(time.Time).Unix()
		f.SetZero()
	}
	var err error
	if rec.Fields, err = json.Marshal(v.Interface()); err != nil {
		return nil, err
	}
	return json.Marshal(rec)
}

// parseEvent takes what marshalEvent writes, to the byte, or returns ErrState.
func parseEvent(raw []byte) (Event, error) {
	var rec eventRecord
	if json.Unmarshal(raw, &rec) != nil {
		return nil, ErrState
	}
	i := slices.IndexFunc(eventTypes, func(ev Event) bool { return reflect.TypeOf(ev).Name() == rec.Type })
	if i < 0 {
		return nil, ErrState
	}
	v := reflect.New(reflect.TypeOf(eventTypes[i]))
	if json.Unmarshal(rec.Fields, v.Interface()) != nil {
		return nil, ErrState
	}
	if f := v.Elem().FieldByName("Reason"); f.IsValid() {
		f.Set(reflect.ValueOf(reasonNamed(rec.Reason)))
	}
	if f := v.Elem().FieldByName("SentAt"); f.IsValid() {
		f.Set(reflect.ValueOf(time.Unix(rec.SentAt, 0)))
	}
	ev := v.Elem().Interface().(Event)
	if again, err := marshalEvent(ev); err != nil || !bytes.Equal(again, raw) {
		return nil, ErrState
	}
	return ev, nil
}

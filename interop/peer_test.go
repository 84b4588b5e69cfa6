package interop_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// octets are bytes as the helpers take and give them.
type octets []byte

func (o octets) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string][]byte{"b64": o})
}

func (o *octets) UnmarshalJSON(b []byte) error {
	var v struct {
		B64 *[]byte `json:"b64"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.B64 == nil {
		return fmt.Errorf("want bytes, have %.40s", b)
	}
	*o = *v.B64
	return nil
}

// args are what an operation takes, by name. Slices of bytes travel as octets.
type args map[string]any

func (a args) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(a))
	for name, v := range a {
		if b, ok := v.([]byte); ok && b != nil {
			v = octets(b)
		}
		if list, ok := v.([][]byte); ok {
			all := make([]octets, len(list))
			for i, b := range list {
				all[i] = b
			}
			v = all
		}
		out[name] = v
	}
	return json.Marshal(out)
}

// peer is a helper process that answers JSON requests.
type peer struct {
	*process
	version string
}

// startPeer starts a helper, which first says what it is.
func startPeer(name string, argv ...string) (*peer, error) {
	p, err := startProcess(name, patience, argv...)
	if err != nil {
		return nil, err
	}
	hello, err := p.ask(nil)
	if err != nil {
		return nil, err
	}
	var v struct{ Result string }
	if err := json.Unmarshal(hello, &v); err != nil || v.Result == "" {
		p.close()
		return nil, fmt.Errorf("%s: began with %.200q", name, hello)
	}
	return &peer{p, v.Result}, nil
}

// call has the peer do op. What the peer's library refuses comes back as the reason;
// a failure of the helper itself is an error.
func (p *peer) call(op string, a args, result any) (refused string, err error) {
	request, err := json.Marshal(map[string]any{"op": op, "args": a})
	if err != nil {
		return "", err
	}
	line, err := p.ask(request)
	if err != nil {
		return "", err
	}
	var answer struct {
		Result  json.RawMessage
		Refused string
		Error   string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return "", fmt.Errorf("%s, %s: answered %.200q", p.name, op, line)
	}
	if answer.Error != "" {
		return "", fmt.Errorf("%s, %s: %s", p.name, op, answer.Error)
	}
	if answer.Refused != "" {
		return answer.Refused, nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return "", fmt.Errorf("%s, %s: %w", p.name, op, err)
	}
	return "", nil
}

// try has the peer do op and returns the result, or why it was refused.
func try[T any](t testing.TB, p *peer, op string, a args) (result T, refused string) {
	t.Helper()
	refused, err := p.call(op, a, &result)
	if err != nil {
		t.Fatal(err)
	}
	return result, refused
}

// ask has the peer do op, which must not be refused.
func ask[T any](t testing.TB, p *peer, op string, a args) T {
	t.Helper()
	result, refused := try[T](t, p, op, a)
	if refused != "" {
		t.Fatalf("%s, %s: refused with %q", p.name, op, refused)
	}
	return result
}

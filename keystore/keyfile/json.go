package keyfile

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// jsonSpace is the white space of RFC 8259, Section 2.
const jsonSpace = " \t\r\n"

// members are those of a JSON object, by their exact names. A struct would not
// do: encoding/json folds the case of names, and of two members of the same name
// it takes the last.
type members map[string]json.RawMessage

var errJSON = refuse(ErrMalformed, "not a JSON object")

// readJSON reads one object of unique names, and nothing behind it.
func readJSON(data []byte) (members, error) {
	if !utf8.Valid(data) {
		return nil, refuse(ErrMalformed, "JSON is not UTF-8")
	}
	var object json.RawMessage
	d := json.NewDecoder(bytes.NewReader(data))
	if d.Decode(&object) != nil {
		return nil, errJSON
	}
	if rest := bytes.Trim(data[d.InputOffset():], jsonSpace); bytes.HasPrefix(rest, []byte("{")) {
		return nil, refuse(ErrSeveralKeys, "several JSON objects")
	} else if len(rest) > 0 {
		return nil, refuse(ErrTrailingData, "behind the JSON object")
	}
	return splitObject(object)
}

func splitObject(object []byte) (members, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errJSON
	}
	m := members{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errJSON
		}
		if m.has(name) {
			return nil, refuse(ErrMalformed, "JSON member given twice")
		}
		if foldsToOurs(name) {
			return nil, refuse(ErrMalformed, "JSON member whose name differs from a JWK's in case only")
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, errJSON
		}
		m[name] = value
	}
	return m, nil
}

// foldsToOurs reports whether decoders that fold case, Go's among them, would take
// a name for one that says what the key is.
func foldsToOurs(name string) bool {
	for _, ours := range []string{"kty", "crv", "alg", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "x"} {
		if name != ours && strings.EqualFold(name, ours) {
			return true
		}
	}
	return false
}

func (m members) has(name string) bool { return m[name] != nil }

// text returns a member that is required and a string. name is one of ours, which
// an error may show.
func (m members) text(name string) (string, error) {
	var text string
	raw := m[name]
	if raw == nil {
		return "", refuse(ErrMalformed, "JWK without "+name)
	}
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", refuse(ErrMalformed, "JWK whose "+name+" is not a string")
	}
	return text, nil
}

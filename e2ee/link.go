package e2ee

import (
	"encoding/base64"
	"strings"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// linkScheme is how links made here begin. The part behind # never reaches a
// web server; ParseLink takes any address in front of it.
const linkScheme = "parley:join#"

// maxLink bounds a link, in bytes.
const maxLink = 2048

// marshalLink writes version, room 32 and invite secret 32 bytes, base64url
// without padding.
func marshalLink(inv *group.Invitation) string {
	secret := inv.Reveal()
	raw := append([]byte{1}, inv.Room[:]...)
	raw = append(raw, secret[:]...)
	return linkScheme + base64.RawURLEncoding.EncodeToString(raw)
}

// ParseLink reads an invite link. It returns ErrLink for anything else.
func ParseLink(link string) (*group.Invitation, error) {
	_, fragment, ok := strings.Cut(link, "#")
	if !ok || len(link) > maxLink || strings.ContainsAny(fragment, "\r\n") {
		return nil, ErrLink
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(fragment)
	if err != nil || len(raw) != 65 || raw[0] != 1 {
		return nil, ErrLink
	}
	return group.NewInvitation(group.RoomID(raw[1:33]), [32]byte(raw[33:])), nil
}

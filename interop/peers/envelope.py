"""Envelopes of version 1, from spec/envelope-v1.md alone: a second implementation to test with.

A slow helper for tests, not for production: nothing here is constant-time or wiped, and an
envelope is handled whole, never as a stream. What a reader refuses is raised under the name
that section 6 gives it; what a writer refuses is Unusable.

    python3 envelope.py --self-test
"""

import os
import sys
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

import cobblestone
import envelope_stanza
import envelope_text
import envelope_trailer
from envelope_header import (
    ErrHeader,
    ErrNoMatch,
    ErrPayload,
    ErrSender,
    ErrStanza,
    ErrUnsigned,
    FILE_KEY_SIZE,
    ID_SIZE,
    MAX_METADATA,
    MAX_STANZAS,
    PASSPHRASE,
    RSA,
    SIGNED,
    context,
    header_mac,
    keys,
    make_header,
    make_preamble,
    parse,
    require,
    stanzas_hash,
)
from envelope_stanza import Unusable


@dataclass(frozen=True)
class Opened:
    plaintext: bytes
    metadata: bytes
    sender: bytes
    """The public key of the signer, or None."""
    id: bytes


def check_recipients(recipients, mixed):
    types = [r.type for r in recipients]
    require(1 <= len(recipients) <= MAX_STANZAS, Unusable("too few or too many recipients"))
    require(PASSPHRASE not in types or len(types) == 1, Unusable("a passphrase beside others"))
    require(RSA not in types or set(types) == {RSA} or mixed, Unusable("RSA alone beside others"))
    hashes = [(r.type, r.key_hash) for r in recipients]
    require(len(set(hashes)) == len(hashes), Unusable("a recipient twice"))


def seal(plaintext, recipients, metadata=b"", associated_data=b"", hide=False, signer=None, mixed=False):
    """The envelope. signer is an Ed25519 seed; mixed allows RSA beside other types (section 3.5)."""
    check_recipients(recipients, mixed)
    require(len(metadata) <= MAX_METADATA, Unusable("metadata is too long"))
    preamble = make_preamble(SIGNED if signer else 0, os.urandom(ID_SIZE), metadata)
    file_key = os.urandom(FILE_KEY_SIZE)
    c = context(preamble, associated_data)
    stanzas = sorted(r.wrap(file_key, c, hide).encode() for r in recipients)
    return assemble(preamble, b"".join(stanzas), c, file_key, plaintext, signer)


def assemble(preamble, stanzas, c, file_key, plaintext, signer):
    """The envelope with these stanzas, whatever they are."""
    payload_key, mac_key, trailer_key = keys(file_key, c)
    s = stanzas_hash(stanzas)
    payload = cobblestone.seal(payload_key, c, plaintext)
    trailer = envelope_trailer.seal(signer, trailer_key, c, s, sha256(payload).digest()) if signer else b""
    return make_header(preamble, stanzas, header_mac(mac_key, c, s)) + payload + trailer


def open(envelope, readers, associated_data=b"", senders=None):
    """What is in the envelope: section 6. senders are public keys; None expects nobody, [] somebody who is not there."""
    header = parse(envelope)
    c, s = context(header.preamble, associated_data), stanzas_hash(header.encoded_stanzas)

    def fits(file_key):
        return compare_digest(header.mac, header_mac(keys(file_key, c)[1], c, s))

    closed = ErrNoMatch("no stanza for these keys"), ErrStanza("the stanza does not open")
    file_key = envelope_stanza.file_key(header.stanzas, readers, c, *closed, fits)
    require(fits(file_key), ErrHeader("the MAC of the header"))
    payload_key, _, trailer_key = keys(file_key, c)
    require(senders is None or header.signed(), ErrUnsigned("not signed"))
    payload, sender = envelope[header.size :], None
    if header.signed():
        cut = max(len(payload) - envelope_trailer.TRAILER_SIZE, 0)
        payload, trailer = payload[:cut], payload[cut:]
        sender = envelope_trailer.open(trailer, trailer_key, c, s, sha256(payload).digest())
    require(senders is None or sender in senders, ErrSender("not from one of the senders"))
    try:
        plaintext = cobblestone.open(payload_key, c, payload)
    except cobblestone.Refused as e:
        raise ErrPayload(str(e)) from None
    return Opened(plaintext, header.metadata, sender, header.id)


def inspect(envelope):
    """What everyone can read: the header, by checks 1 to 8."""
    return parse(envelope)


def of_text(data):
    """The envelope in data, which is one or text."""
    return envelope_text.dearmor(data) if envelope_text.is_text(data) else data


if __name__ == "__main__":
    import envelope_selftest

    sys.exit(envelope_selftest.main(sys.argv[1:]))

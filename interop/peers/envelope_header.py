"""The header of an envelope: layout, derived values, and checks 1 to 8 (spec/envelope-v1.md).

Section numbers, the names of values (C, S, MAC) and those of errors are the specification's.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from hkdf import expand

MAGIC = b"parley-envelope/v1\n"
SIGNED = 1
ID_SIZE, KEY_ID_SIZE, FILE_KEY_SIZE, MAC_SIZE = 32, 32, 32, 32
MAX_METADATA, MAX_STANZAS, MAX_STANZAS_SIZE = 65535, 4096, 6897664

RSA, COMPOSITE, SHARED, PASSPHRASE = 1, 2, 3, 4
BODY_SIZES = {
    RSA: range(256, 1025),
    COMPOSITE: (1344 + 48, 1472 + 48, 1600 + 48),
    SHARED: (32 + 48,),
    PASSPHRASE: (10 + 32 + 48,),
}
ARGON2ID, PBKDF2 = 1, 2


class EnvelopeError(ValueError):
    """What a reader refuses, by the names of section 6."""


class ErrNotEnvelope(EnvelopeError):
    pass


class ErrVersion(EnvelopeError):
    pass


class ErrMalformed(EnvelopeError):
    pass


class ErrLimit(EnvelopeError):
    pass


class ErrTruncated(EnvelopeError):
    pass


class ErrNoMatch(EnvelopeError):
    pass


class ErrStanza(EnvelopeError):
    pass


class ErrHeader(EnvelopeError):
    pass


class ErrUnsigned(EnvelopeError):
    pass


class ErrSignature(EnvelopeError):
    pass


class ErrSender(EnvelopeError):
    pass


class ErrPayload(EnvelopeError):
    pass


class ErrArmor(EnvelopeError):
    pass


def require(condition, error):
    if not condition:
        raise error


def vec(size, x):
    return len(x).to_bytes(size, "big") + x


def context(preamble, associated_data):
    """C of section 2."""
    return sha256(MAGIC + preamble + associated_data).digest()


def stanzas_hash(stanzas):
    """S of section 2, of the stanzas as encoded, one after the other."""
    return sha256(vec(3, stanzas)).digest()


def keys(file_key, c):
    """Payload key, MAC key and trailer key of section 2."""
    out = expand(sha256, file_key, b"parley-envelope/v1 keys\x00" + c, 96)
    return out[:32], out[32:64], out[64:]


def header_mac(mac_key, c, s):
    return hmac.new(mac_key, c + s, sha256).digest()


def make_preamble(flags, id, metadata):
    return bytes([flags]) + id + vec(2, metadata)


def make_header(preamble, stanzas, mac):
    return MAGIC + preamble + vec(3, stanzas) + mac


@dataclass(frozen=True)
class Stanza:
    type: int
    key_id: bytes
    body: bytes

    def encode(self):
        return bytes([self.type]) + vec(1, self.key_id) + vec(2, self.body)


@dataclass(frozen=True)
class Header:
    flags: int
    id: bytes
    metadata: bytes
    preamble: bytes
    stanzas: list
    encoded_stanzas: bytes
    mac: bytes
    size: int

    def signed(self):
        return bool(self.flags & SIGNED)


class Cursor:
    """Takes from the front of data, or raises error where that ends early."""

    def __init__(self, data, error):
        self.data, self.error, self.at = data, error, 0

    def take(self, size):
        got = self.data[self.at : self.at + size]
        require(len(got) == size, self.error)
        self.at += size
        return got

    def number(self, size):
        return int.from_bytes(self.take(size), "big")


def read_stanza(cursor):
    """Checks 4 to 6 of the stanza at the cursor."""
    type = cursor.number(1)
    require(type in BODY_SIZES, ErrVersion("an unknown stanza type"))
    key_id = cursor.take(cursor.number(1))
    require(len(key_id) in ((0,) if type == PASSPHRASE else (0, KEY_ID_SIZE)), ErrMalformed("the length of a key ID"))
    require(key_id != bytes(KEY_ID_SIZE), ErrMalformed("a key ID of zeros"))
    body = cursor.take(cursor.number(2))
    require(len(body) in BODY_SIZES[type], ErrMalformed("the length of a body"))
    if type == PASSPHRASE:
        require(body[0] in (ARGON2ID, PBKDF2), ErrVersion("an unknown KDF"))
        require(kdf_within_limits(*kdf_of(body)), ErrLimit("the parameters of a KDF"))
    return Stanza(type, key_id, body)


def read_stanzas(encoded):
    """Checks 4 to 7."""
    cursor, stanzas = Cursor(encoded, ErrMalformed("a stanza is not whole")), []
    while cursor.at < len(encoded):
        stanza = read_stanza(cursor)
        require(len(stanzas) < MAX_STANZAS, ErrLimit("too many stanzas"))
        if stanzas:
            require(stanzas[-1].encode() < stanza.encode(), ErrMalformed("the order of the stanzas"))
            same = (stanzas[-1].type, stanzas[-1].key_id) == (stanza.type, stanza.key_id)
            require(not (stanza.key_id and same), ErrMalformed("a key ID twice"))
        stanzas.append(stanza)
    alone = len(stanzas) == 1 or all(s.type != PASSPHRASE for s in stanzas)
    require(alone, ErrMalformed("a passphrase beside others"))
    return stanzas


def kdf_of(body):
    """KDF, time, memory and parallelism."""
    return body[0], int.from_bytes(body[1:5], "big"), int.from_bytes(body[5:9], "big"), body[9]


def kdf_within_limits(kdf, time, memory, parallelism):
    """The table of section 3.4."""
    if kdf == PBKDF2:
        return 1 <= time <= 10_000_000 and memory == 0 and parallelism == 0
    lanes = 1 <= parallelism <= 16 and 8 * parallelism <= memory <= 262_144
    return lanes and 1 <= time <= 16 and time * memory <= 1_048_576


def parse(data):
    """The header that data begins with: checks 1 to 8."""
    require(data[: len(MAGIC)] == MAGIC[: len(data)], ErrNotEnvelope("no magic"))
    cursor = Cursor(data, ErrTruncated("the header is not whole"))
    cursor.take(len(MAGIC))
    flags = cursor.number(1)
    require(flags & ~SIGNED == 0, ErrVersion("unknown flags"))
    id, metadata = cursor.take(ID_SIZE), cursor.take(cursor.number(2))
    preamble = data[len(MAGIC) : cursor.at]
    size = cursor.number(3)
    require(size > 0, ErrMalformed("no stanzas"))
    require(size <= MAX_STANZAS_SIZE, ErrLimit("the stanzas are too long"))
    encoded = cursor.take(size)
    stanzas = read_stanzas(encoded)
    return Header(flags, id, metadata, preamble, stanzas, encoded, cursor.take(MAC_SIZE), cursor.at)

"""Cobblestone-128 and -256 (C2SP chunked-encryption@v1), whole messages. A helper for tests."""

import hmac
import os
from hashlib import sha512

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hkdf import expand

SALT, COMMITMENT, CHUNK, TAG = 24, 32, 16384, 16
AEADS = {16: b"AEAD_AES_128_GCM", 32: b"AEAD_AES_256_GCM"}


class Refused(ValueError):
    """Not what was sealed under this key and context."""


def derive(key, salt, context):
    """AEAD, base nonce and commitment."""
    info = b"c2sp.org/chunked-encryption@v1+" + AEADS[len(key)] + b"\x00" + salt + context
    out = expand(sha512, key, info, len(key) + 12 + COMMITMENT)
    nonce = int.from_bytes(out[len(key) : len(key) + 12], "big")
    return AESGCM(out[: len(key)]), nonce, out[len(key) + 12 :]


def nonce_of(base, number):
    return (base ^ number).to_bytes(12, "big")


def seal(key, context, message, salt=None):
    salt = salt or os.urandom(SALT)
    aead, base, commitment = derive(key, salt, context)
    out = [salt, commitment]
    for k in range(len(message) // CHUNK + 1):
        out.append(aead.encrypt(nonce_of(base, k), message[k * CHUNK : (k + 1) * CHUNK], None))
    return b"".join(out)


def open(key, context, sealed):
    if len(key) not in AEADS:
        raise Refused("key size")
    chunks = sealed[SALT + COMMITMENT :]
    if len(sealed) < SALT + COMMITMENT or len(chunks) % (CHUNK + TAG) < TAG:
        raise Refused("a length that no message has")
    aead, base, commitment = derive(key, sealed[:SALT], context)
    if not hmac.compare_digest(commitment, sealed[SALT : SALT + COMMITMENT]):
        raise Refused("commitment")
    out = []
    for k in range(len(chunks) // (CHUNK + TAG) + 1):
        chunk = chunks[k * (CHUNK + TAG) : (k + 1) * (CHUNK + TAG)]
        try:
            out.append(aead.decrypt(nonce_of(base, k), chunk, None))
        except InvalidTag:
            raise Refused(f"chunk {k}") from None
    return b"".join(out)

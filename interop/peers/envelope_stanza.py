"""The four types of stanzas: who writes one and who opens one (spec/envelope-v1.md, section 3).

A recipient has wrap(file key, C, hidden), which gives a stanza; a reader has unwrap(stanza, C),
which gives the file key or raises Closed. Both have type and key_hash.
"""

import os
from functools import lru_cache
from hashlib import pbkdf2_hmac, sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key, load_der_public_key

import argon2id
import compositekem
from envelope_header import ARGON2ID, COMPOSITE, FILE_KEY_SIZE, PASSPHRASE, PBKDF2, RSA, SHARED, Stanza, kdf_of, kdf_within_limits
from hkdf import expand

LABEL = b"parley-envelope/v1 "
NAMES = {RSA: b"rsa-oaep-sha256", COMPOSITE: b"mlkem768-rsa", SHARED: b"shared-key", PASSPHRASE: b"passphrase"}
SALT_SIZE, WRAPPED_SIZE = 32, 48
ZERO_NONCE = bytes(12)


class Closed(Exception):
    """A stanza does not open with this key."""


class Unusable(ValueError):
    """A key or a choice that the specification does not allow a writer or a reader."""


def kek(type, secret, c, key_hash, encapsulation):
    return expand(sha256, secret, LABEL + NAMES[type] + b"\x00" + c + key_hash + encapsulation, 32)


def wrap(type, secret, c, key_hash, encapsulation, file_key):
    """The body of a stanza of type 2, 3 or 4."""
    key = kek(type, secret, c, key_hash, encapsulation)
    return encapsulation + AESGCM(key).encrypt(ZERO_NONCE, file_key, None)


def unwrap(type, secret, c, key_hash, body):
    encapsulation, wrapped = body[:-WRAPPED_SIZE], body[-WRAPPED_SIZE:]
    try:
        return AESGCM(kek(type, secret, c, key_hash, encapsulation)).decrypt(ZERO_NONCE, wrapped, None)
    except InvalidTag:
        raise Closed from None


def shown(key_hash, hidden):
    return b"" if hidden else key_hash


def spki_of(public):
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_rsa(public):
    """Section 3.1."""
    e = public.public_numbers().e
    if not (2048 <= public.key_size <= 8192 and e % 2 == 1 and 65537 <= e < 2**31):
        raise Unusable("the size or the exponent of an RSA key")


def oaep(c):
    algorithm = hashes.SHA256()
    return padding.OAEP(padding.MGF1(algorithm), algorithm, LABEL + NAMES[RSA] + b"\x00" + c)


def below_any_modulus(ciphertext, bits):
    """Whether any modulus of the size could have made the ciphertext, as those for hidden recipients."""
    return int.from_bytes(ciphertext, "big") < 1 << (bits - 1)


class RSARecipient:
    type = RSA

    def __init__(self, spki):
        self.key = load_der_public_key(spki)
        if not isinstance(self.key, rsa.RSAPublicKey) or spki_of(self.key) != spki:
            raise Unusable("not the SubjectPublicKeyInfo of an RSA key")
        check_rsa(self.key)
        self.key_hash = sha256(spki).digest()

    def wrap(self, file_key, c, hidden):
        while True:
            body = self.key.encrypt(file_key, oaep(c))
            if not hidden or below_any_modulus(body, self.key.key_size):
                return Stanza(RSA, shown(self.key_hash, hidden), body)


@lru_cache(maxsize=64)
def load_rsa_private(pkcs8):
    key = load_der_private_key(pkcs8, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Unusable("not an RSA key")
    return key


class RSAIdentity:
    type = RSA

    def __init__(self, pkcs8):
        self.key = load_rsa_private(pkcs8)
        check_rsa(self.key.public_key())
        self.key_hash = sha256(spki_of(self.key.public_key())).digest()

    def takes(self, body):
        return len(body) == (self.key.key_size + 7) // 8

    def unwrap(self, stanza, c):
        if not self.takes(stanza.body):
            raise Closed
        try:
            file_key = self.key.decrypt(stanza.body, oaep(c))
        except ValueError:
            raise Closed from None
        if len(file_key) != FILE_KEY_SIZE:
            raise Closed
        return file_key


class CompositeRecipient:
    type = COMPOSITE

    def __init__(self, spki):
        self.public = compositekem.public_of_spki(spki)
        self.key_hash = sha256(spki).digest()

    def wrap(self, file_key, c, hidden):
        while True:
            secret, ciphertext = compositekem.encapsulate(self.public)
            rsa_ciphertext = ciphertext[1088:]
            if not hidden or below_any_modulus(rsa_ciphertext, 8 * len(rsa_ciphertext)):
                break
        return Stanza(COMPOSITE, shown(self.key_hash, hidden), wrap(COMPOSITE, secret, c, self.key_hash, ciphertext, file_key))


class CompositeIdentity:
    type = COMPOSITE

    def __init__(self, private):
        self.private = private
        self.public = compositekem.public_of_private(private)
        self.key_hash = sha256(compositekem.spki_of(self.public)).digest()

    def takes(self, body):
        return len(body) == compositekem.ciphertext_size(self.public) + WRAPPED_SIZE

    def unwrap(self, stanza, c):
        if not self.takes(stanza.body):
            raise Closed
        try:
            secret = compositekem.decapsulate(self.private, stanza.body[:-WRAPPED_SIZE])
        except compositekem.Refused:
            raise Closed from None
        return unwrap(COMPOSITE, secret, c, self.key_hash, stanza.body)


class SharedKey:
    """Recipient and reader in one."""

    type = SHARED

    def __init__(self, key):
        if len(key) != 32:
            raise Unusable("a shared key has 32 bytes")
        self.key = key
        self.key_hash = expand(sha256, key, LABEL + b"shared-key ID\x00", 32)

    def wrap(self, file_key, c, hidden):
        body = wrap(SHARED, self.key, c, self.key_hash, os.urandom(SALT_SIZE), file_key)
        return Stanza(SHARED, shown(self.key_hash, hidden), body)

    def takes(self, body):
        return True

    def unwrap(self, stanza, c):
        return unwrap(SHARED, self.key, c, self.key_hash, stanza.body)


def stretch(passphrase, salt, kdf, time, memory, parallelism):
    if kdf == ARGON2ID:
        return argon2id.argon2id(passphrase, salt, time, memory, parallelism)
    return pbkdf2_hmac("sha256", passphrase, salt, time)


class Passphrase:
    """Recipient and reader in one; a reader takes the parameters of the stanza."""

    type, key_hash = PASSPHRASE, b""

    def __init__(self, passphrase, kdf=ARGON2ID, time=3, memory=65536, parallelism=4):
        if not passphrase:
            raise Unusable("an empty passphrase")
        if kdf not in (ARGON2ID, PBKDF2) or not kdf_within_limits(kdf, time, memory, parallelism):
            raise Unusable("the parameters of the KDF")
        self.passphrase, self.parameters = passphrase, (kdf, time, memory, parallelism)

    def wrap(self, file_key, c, hidden):
        kdf, time, memory, parallelism = self.parameters
        salt = os.urandom(SALT_SIZE)
        encapsulation = bytes([kdf]) + time.to_bytes(4, "big") + memory.to_bytes(4, "big") + bytes([parallelism]) + salt
        secret = stretch(self.passphrase, salt, *self.parameters)
        return Stanza(PASSPHRASE, b"", wrap(PASSPHRASE, secret, c, b"", encapsulation, file_key))

    def takes(self, body):
        return True

    def unwrap(self, stanza, c):
        secret = stretch(self.passphrase, stanza.body[10 : 10 + SALT_SIZE], *kdf_of(stanza.body))
        return unwrap(PASSPHRASE, secret, c, b"", stanza.body)


def any_file_key(file_key):
    return True


def file_key(stanzas, readers, c, no_match, no_opening, fits=any_file_key):
    """Checks 9 and 10: the file key, or one of the two errors. fits is check 11, which is part of 10 for a passphrase."""
    for reader in readers:
        for stanza in stanzas:
            if stanza.type == reader.type and stanza.key_id and stanza.key_id == reader.key_hash:
                return first_opening([stanza], [reader], c, no_opening)
    passphrases = [r for r in readers if r.type == PASSPHRASE]
    if stanzas[0].type == PASSPHRASE and passphrases:
        return first_opening(stanzas, passphrases, c, no_opening, fits)
    return first_opening([s for s in stanzas if not s.key_id], readers, c, no_match)


def first_opening(stanzas, readers, c, error, fits=any_file_key):
    for stanza in stanzas:
        for reader in readers:
            if reader.type == stanza.type and reader.takes(stanza.body):
                try:
                    opened = reader.unwrap(stanza, c)
                except Closed:
                    continue
                if fits(opened):
                    return opened
    raise error

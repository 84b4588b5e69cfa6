"""Composite ML-KEM of ML-KEM-768 and RSA-OAEP (draft-ietf-lamps-pq-composite-kem-17).

A slow helper for tests: not constant-time, not for production. A public key is
ML-KEM public key [1184] ‖ RSAPublicKey (DER), a private one ML-KEM seed [64] ‖
RSAPrivateKey (DER).
"""

import os
from functools import lru_cache
from hashlib import sha3_256

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key, load_der_public_key

import mlkem768

OIDS = {2048: 55, 3072: 56, 4096: 57}
"""The last arc of each OID 1.3.6.1.5.5.7.6.x, by the bits of the modulus."""

RSA_PUBLIC_KEY_SIZES = {2048: 270, 3072: 398, 4096: 526}
"""Bytes of the RSAPublicKey, by the bits of the modulus."""


class Refused(ValueError):
    """A key or a ciphertext that is not one."""


def oaep():
    return padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


def pkcs1(rsa_public):
    return rsa_public.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def check_rsa(rsa_public):
    if rsa_public.key_size not in OIDS or rsa_public.public_numbers().e != 65537:
        raise Refused("the RSA half of a composite key")
    return rsa_public


def der(tag, content):
    n = len(content)
    length = bytes([n]) if n < 128 else bytes([0x82]) + n.to_bytes(2, "big")
    return bytes([tag]) + length + content


def spki_of(public):
    """The DER SubjectPublicKeyInfo of a public key."""
    oid = bytes.fromhex("2b060105050706") + bytes([OIDS[halves(public)[1].key_size]])
    return der(0x30, der(0x30, der(0x06, oid)) + der(0x03, b"\x00" + public))


def public_of_spki(spki):
    """The public key in a DER SubjectPublicKeyInfo, refused unless it is canonical."""
    for size in RSA_PUBLIC_KEY_SIZES.values():
        public = spki[-mlkem768.ENCAPSULATION_KEY_SIZE - size :]
        try:
            if spki_of(public) == spki:
                return public
        except ValueError:
            pass
    raise Refused("not the SubjectPublicKeyInfo of a composite key")


@lru_cache(maxsize=64)
def halves(public):
    """The two public keys in one."""
    ek, rest = public[: mlkem768.ENCAPSULATION_KEY_SIZE], public[mlkem768.ENCAPSULATION_KEY_SIZE :]
    mlkem768.check_encapsulation_key(ek)
    key = load_der_public_key(rest)
    if not isinstance(key, rsa.RSAPublicKey) or pkcs1(check_rsa(key)) != rest:
        raise Refused("the RSA half of a composite key")
    return ek, key


@lru_cache(maxsize=64)
def private_halves(private):
    key = load_der_private_key(private[mlkem768.SEED_SIZE :], None)
    check_rsa(key.public_key())
    return private[: mlkem768.SEED_SIZE], key


def public_of_private(private):
    seed, key = private_halves(private)
    return mlkem768.encapsulation_key(seed) + pkcs1(key.public_key())


def combine(mlkem_secret, rsa_secret, rsa_ciphertext, rsa_public):
    label = b"MLKEM768-RSAOAEP%d" % rsa_public.key_size
    return sha3_256(mlkem_secret + rsa_secret + rsa_ciphertext + pkcs1(rsa_public) + label).digest()


def ciphertext_size(public):
    return mlkem768.CIPHERTEXT_SIZE + halves(public)[1].key_size // 8


def encapsulate(public):
    """A secret of 32 bytes and its ciphertext."""
    ek, key = halves(public)
    rsa_secret = os.urandom(32)
    rsa_ciphertext = key.encrypt(rsa_secret, oaep())
    mlkem_secret, mlkem_ciphertext = mlkem768.encapsulate(ek)
    return combine(mlkem_secret, rsa_secret, rsa_ciphertext, key), mlkem_ciphertext + rsa_ciphertext


def decapsulate(private, ciphertext):
    seed, key = private_halves(private)
    if len(ciphertext) != mlkem768.CIPHERTEXT_SIZE + key.key_size // 8:
        raise Refused("the size of the ciphertext")
    mlkem_ciphertext, rsa_ciphertext = ciphertext[: mlkem768.CIPHERTEXT_SIZE], ciphertext[mlkem768.CIPHERTEXT_SIZE :]
    try:
        rsa_secret = key.decrypt(rsa_ciphertext, oaep())
    except ValueError:
        raise Refused("the RSA half of the ciphertext") from None
    if len(rsa_secret) != 32:
        raise Refused("the RSA half of the ciphertext")
    mlkem_secret = mlkem768.decapsulate(seed, mlkem_ciphertext)
    return combine(mlkem_secret, rsa_secret, rsa_ciphertext, key.public_key())

"""Keys and what is done with them. Private keys arrive and leave in a named form."""

from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_public_key,
)

PRIVATE = {
    "pkcs8-pem": (Encoding.PEM, PrivateFormat.PKCS8),
    "pkcs8-der": (Encoding.DER, PrivateFormat.PKCS8),
    "pkcs1-pem": (Encoding.PEM, PrivateFormat.TraditionalOpenSSL),
    "pkcs1-der": (Encoding.DER, PrivateFormat.TraditionalOpenSSL),
}
PUBLIC = {
    "spki-pem": (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "spki-der": (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "pkcs1-pem": (Encoding.PEM, PublicFormat.PKCS1),
    "pkcs1-der": (Encoding.DER, PublicFormat.PKCS1),
    "openssh": (Encoding.OpenSSH, PublicFormat.OpenSSH),
}
HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}


@lru_cache(maxsize=64)
def load_private(key, form, passphrase=None):
    load = load_pem_private_key if form.endswith("pem") else load_der_private_key
    return load(key, passphrase)


@lru_cache(maxsize=64)
def load_public(key, form):
    if form == "openssh":
        return load_ssh_public_key(key)
    return (load_pem_public_key if form.endswith("pem") else load_der_public_key)(key)


def write_private(key, to, passphrase=None):
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(*PRIVATE[to], encryption)


def generate(kind, bits, to):
    if kind == "ed25519":
        return write_private(ed25519.Ed25519PrivateKey.generate(), to)
    return write_private(rsa.generate_private_key(65537, bits), to)


def oaep(hash):
    h = HASHES[hash]()
    return padding.OAEP(padding.MGF1(h), h, None)


def private(key, form, to, passphrase=None, seal=None, **_):
    return write_private(load_private(key, form, passphrase), to, seal)


def public(key, form, to, **_):
    return load_private(key, form).public_key().public_bytes(*PUBLIC[to])


def rewrite_public(key, form, to, **_):
    return load_public(key, form).public_bytes(*PUBLIC[to])


def verify(key, form, msg, sig, **_):
    load_public(key, form).verify(sig, msg)
    return True


OPS = {
    "generate": generate,
    "private": private,
    "public": public,
    "rewrite_public": rewrite_public,
    "encrypt": lambda key, form, hash, msg, **_: load_public(key, form).encrypt(msg, oaep(hash)),
    "decrypt": lambda key, form, hash, ciphertext, **_: load_private(key, form).decrypt(ciphertext, oaep(hash)),
    "sign": lambda key, form, msg, **_: load_private(key, form).sign(msg),
    "verify": verify,
}

"""What all frames of a room are made of: notation, limits, keys, leaf and header (spec/room-v1.md, sections 2 to 5 and 7).

Section numbers, the names of fields and those of errors are the specification's.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import hkdf
import mlkem768

CREATE, JOIN, LEAVE, REMOVE, COMMIT, MESSAGE = range(1, 7)
TYPES = {CREATE: "Create", JOIN: "Join", LEAVE: "Leave", REMOVE: "Remove", COMMIT: "Commit", MESSAGE: "Message"}
INVITE, OPEN, ADMINS = 1, 2, 3
ADMISSIONS = {INVITE: "invite", OPEN: "open", ADMINS: "admins"}

MAX_MEMBERS, MAX_FRAME_SIZE, MAX_TEXT_SIZE, MAX_MESSAGES, MAX_NAME_SIZE = 256, 1048576, 65536, 1024, 64
MAX_ADDS, MAX_BANS, MAX_SKIP, JOIN_WINDOW = 16, 256, 1000, 256
HEADER_SIZE, KEM_KEY_SIZE, CIPHERTEXT_SIZE, BOX_SIZE = 36, 1454, 1344, 60
ZEROS = bytes(32)


class Void(Exception):
    """A frame fails a check: the reason by its name, and the check by its number."""

    def __init__(self, reason, check, detail=""):
        super().__init__(f"{reason} at {check}")
        self.reason, self.check, self.detail = reason, check, detail

    def within(self, check):
        """The same, where check had this one made."""
        return Void(self.reason, f"{check} > {self.check}", self.detail)


def require(condition, reason, check, detail=""):
    if not condition:
        raise Void(reason, check, detail)


def vec(size, x):
    return len(x).to_bytes(size, "big") + x


def u8(x):
    return bytes([x])


def u64(x):
    return x.to_bytes(8, "big")


def encode_set(x):
    return vec(2, b"".join(sorted(x)))


def text(label, x):
    return b"parley room v1 " + label.encode() + b"\x00" + x


def H(label, x):
    return sha256(text(label, x)).digest()


def KDF(key, label, x):
    return hkdf.expand(sha256, key, text(label, x), 32)


def extract(salt, ikm):
    return HMAC(salt, ikm)


def HMAC(key, x):
    return hmac.new(key, x, sha256).digest()


def verifies(key, label, x, signature):
    """Whether the signature is right. OpenSSL refuses S ≥ L, is cofactorless and compares the encoding of R."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text(label, x))
        return True
    except (InvalidSignature, ValueError):
        return False


def public_of_seed(seed):
    """The Ed25519 public key of the private key seed (RFC 8032)."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_name(x):
    try:
        s = x.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return 1 <= len(x) <= MAX_NAME_SIZE and all(ord(c) > 0x1F and not 0x7F <= ord(c) <= 0x9F for c in s)


P25519 = 2**255 - 19
SMALL_ORDER = {
    0,
    1,
    P25519 - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
}


def is_sound(key):
    """Section 5: canonical, and of no small order."""
    y = int.from_bytes(key, "little") & ((1 << 255) - 1)
    return y < P25519 and y not in SMALL_ORDER


RSA_BEGIN, RSA_END = bytes.fromhex("3082010a0282010100"), bytes.fromhex("0203010001")


def is_well_formed(key):
    """Section 5: a KEM public key. RSAPublicKey of 2048 bits and 65537 has one encoding."""
    ek, rsa = key[: mlkem768.ENCAPSULATION_KEY_SIZE], key[mlkem768.ENCAPSULATION_KEY_SIZE :]
    if len(key) != KEM_KEY_SIZE or not rsa.startswith(RSA_BEGIN) or not rsa.endswith(RSA_END):
        return False
    modulus = rsa[len(RSA_BEGIN) : -len(RSA_END)]
    try:
        mlkem768.check_encapsulation_key(ek)
    except ValueError:
        return False
    return modulus[0] >= 0x80 and modulus[-1] & 1 == 1


class Cursor:
    """Takes from the front of data. What is cut off or left over is ErrMalformed."""

    def __init__(self, data, check):
        self.data, self.check, self.at = data, check, 0

    def take(self, size, what="a field"):
        got = self.data[self.at : self.at + size]
        require(len(got) == size, "ErrMalformed", self.check, f"{what} is cut off")
        self.at += size
        return got

    def number(self, size, what="a number"):
        return int.from_bytes(self.take(size, what), "big")

    def vec(self, size, what, sizes=None):
        got = self.take(self.number(size, what), what)
        require(sizes is None or len(got) in sizes, "ErrMalformed", self.check, f"{what} has {len(got)} bytes")
        return got

    def flag(self, what):
        got = self.number(1, what)
        require(got <= 1, "ErrMalformed", self.check, f"{what} is {got}")
        return got == 1

    def set(self, what):
        got = self.vec(2, what)
        require(len(got) % 32 == 0 and len(got) <= 32 * 256, "ErrMalformed", self.check, f"{what} has {len(got)} bytes")
        elements = mlkem768.split(got, 32)
        ordered = all(a < b for a, b in zip(elements, elements[1:]))
        require(ordered, "ErrMalformed", self.check, f"{what} is not in ascending order")
        return elements

    def list(self, size, what, most):
        """Elements until the vec ends: its cursor, and how many there may be is checked as they are read."""
        inner, count = Cursor(self.vec(size, what), self.check), 0
        while inner.at < len(inner.data):
            count += 1
            require(count <= most, "ErrMalformed", self.check, f"more than {most} in {what}")
            yield inner

    def end(self):
        left = len(self.data) - self.at
        require(left == 0, "ErrMalformed", self.check, f"{left} bytes are left over")


@dataclass(frozen=True)
class Leaf:
    encoded: bytes
    room: bytes
    name: bytes
    identity: bytes
    signing: bytes
    kem: bytes
    by_identity: bytes
    by_leaf: bytes

    def hash(self):
        return H("leaf hash", self.encoded)


def parse_leaf(data, check):
    c = Cursor(data, check)
    room, name = c.take(32, "the leaf's roomID"), c.vec(1, "the leaf's name")
    identity, signing = c.take(32, "the identity key"), c.take(32, "the signing key")
    kem = c.vec(2, "the leaf's KEM key")
    leaf = Leaf(data, room, name, identity, signing, kem, c.take(64, "the signature"), c.take(64, "the signature"))
    c.end()
    return leaf


def judge_leaf(data, room):
    """The leaf, by the checks of section 5."""
    leaf = parse_leaf(data, "5/1")
    require(leaf.room == room, "ErrWrongRoom", "5/2")
    require(is_name(leaf.name), "ErrName", "5/3")
    sound = is_sound(leaf.identity) and is_sound(leaf.signing)
    require(sound and leaf.identity != leaf.signing, "ErrKey", "5/4")
    require(is_well_formed(leaf.kem), "ErrKey", "5/5")
    signed = verifies(leaf.identity, "sign leaf by identity", data[:-128], leaf.by_identity)
    require(signed, "ErrSignature", "5/6", "by identity")
    require(verifies(leaf.signing, "sign leaf by leaf key", data[:-64], leaf.by_leaf), "ErrSignature", "5/6", "by leaf key")
    return leaf


def judge_header(frame, room):
    """The type, by the checks of section 9.1, rows 1 to 6."""
    require(len(frame) <= MAX_FRAME_SIZE, "ErrTooLarge", "9.1/1", f"{len(frame)} bytes")
    require(len(frame) >= HEADER_SIZE, "ErrMalformed", "9.1/2", f"{len(frame)} bytes")
    require(frame[0] == 1, "ErrVersion", "9.1/3", f"version {frame[0]}")
    suite = int.from_bytes(frame[1:3], "big")
    require(suite == 1, "ErrSuite", "9.1/4", f"suite {suite}")
    require(frame[3] in TYPES, "ErrType", "9.1/5", f"type {frame[3]}")
    require(frame[4:HEADER_SIZE] == room, "ErrWrongRoom", "9.1/6")
    return frame[3]

"""The trailer of a signed envelope (spec/envelope-v1.md, section 5)."""

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from envelope_header import ErrSignature, require

TRAILER_SIZE = 112
ZERO_NONCE = bytes(12)

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def public_of_seed(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def signed_message(public, c, s, payload_hash):
    return b"parley-envelope/v1 signature\x00" + public + c + s + payload_hash


def seal(seed, trailer_key, c, s, payload_hash):
    public = public_of_seed(seed)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(signed_message(public, c, s, payload_hash))
    return AESGCM(trailer_key).encrypt(ZERO_NONCE, public + signature, None)


def open(trailer, trailer_key, c, s, payload_hash):
    """The signer's public key: check 13."""
    require(len(trailer) == TRAILER_SIZE, ErrSignature("no trailer"))
    try:
        opened = AESGCM(trailer_key).decrypt(ZERO_NONCE, trailer, None)
        public, signature = opened[:32], opened[32:]
        require(is_sound(public), ErrSignature("the signer's key"))
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed_message(public, c, s, payload_hash))
    except (InvalidTag, InvalidSignature):
        raise ErrSignature("the signature does not verify") from None
    return public


def decode_point(encoded):
    """x and y, or None. RFC 8032, section 5.1.3."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    return (x if x % 2 == sign else P - x), y


def double(x, y):
    xy = D * x * x * y * y % P
    return 2 * x * y * pow(1 + xy, -1, P) % P, (y * y + x * x) * pow(1 - xy, -1, P) % P


def is_sound(public):
    """Whether this is the canonical encoding of a point that is not of small order."""
    point = decode_point(public)
    if point is None:
        return False
    for _ in range(3):
        point = double(*point)
    return point != (0, 1)

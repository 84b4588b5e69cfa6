"""HKDF-Expand (RFC 5869, section 2.3)."""

import hmac


def expand(hash, key, info, size):
    out = block = b""
    counter = 1
    while len(out) < size:
        block = hmac.new(key, block + info + bytes([counter]), hash).digest()
        out, counter = out + block, counter + 1
    return out[:size]

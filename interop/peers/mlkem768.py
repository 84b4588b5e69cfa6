"""ML-KEM-768 (FIPS 203). A slow helper for tests: not constant-time, not for production.

The names are those of FIPS 203; a polynomial is a list of 256 integers modulo Q.
"""

import hmac
import os
from functools import lru_cache
from hashlib import sha3_256, sha3_512, shake_128, shake_256

Q, N, K = 3329, 256, 3
DU, DV = 10, 4
SEED_SIZE = 64
ENCAPSULATION_KEY_SIZE = 384 * K + 32
CIPHERTEXT_SIZE = 32 * (DU * K + DV)
SHARED_KEY_SIZE = 32


def bit_reverse7(i):
    return int(f"{i:07b}"[::-1], 2)


ZETAS = [pow(17, bit_reverse7(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * bit_reverse7(i) + 1, Q) for i in range(128)]


def ntt(f):
    """FIPS 203, algorithm 9."""
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j + length] = (f[j] - t) % Q
                f[j] = (f[j] + t) % Q
        length //= 2
    return f


def inverse_ntt(f):
    """FIPS 203, algorithm 10."""
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = f[j]
                f[j] = (t + f[j + length]) % Q
                f[j + length] = zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * 3303 % Q for x in f]


def multiply(f, g):
    """FIPS 203, algorithm 11."""
    h = []
    for i, gamma in enumerate(GAMMAS):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * gamma) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


def add(f, g):
    return [(x + y) % Q for x, y in zip(f, g)]


def dot(row, column):
    total = [0] * N
    for f, g in zip(row, column):
        total = add(total, multiply(f, g))
    return total


def byte_encode(f, d):
    """FIPS 203, algorithm 5."""
    return sum(x << (d * i) for i, x in enumerate(f)).to_bytes(32 * d, "little")


def byte_decode(b, d):
    """FIPS 203, algorithm 6, without the reduction modulo Q for d = 12."""
    bits = int.from_bytes(b, "little")
    return [bits >> (d * i) & ((1 << d) - 1) for i in range(N)]


def compress(f, d):
    return [((x << (d + 1)) + Q) // (2 * Q) % (1 << d) for x in f]


def decompress(f, d):
    return [(x * Q + (1 << (d - 1))) >> d for x in f]


def split(b, size):
    return [b[i : i + size] for i in range(0, len(b), size)]


def sample_ntt(seed):
    """FIPS 203, algorithm 7."""
    have = 3 * 168
    while True:
        f = []
        for a, b, c in split(shake_128(seed).digest(have), 3):
            f += [d for d in (a + 256 * (b % 16), b // 16 + 16 * c) if d < Q]
        if len(f) >= N:
            return f[:N]
        have += 168


def sample_cbd(key, nonce):
    """FIPS 203, algorithm 8, for η = 2, with the PRF before it."""
    f = []
    for byte in shake_256(key + bytes([nonce])).digest(128):
        for x in (byte & 15, byte >> 4):
            f.append(((x & 1) + (x >> 1 & 1) - (x >> 2 & 1) - (x >> 3)) % Q)
    return f


def sample_vector(key, first):
    return [sample_cbd(key, first + i) for i in range(K)]


@lru_cache(maxsize=64)
def matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]


def pke_encrypt(ek, m, r):
    """FIPS 203, algorithm 14."""
    t = [byte_decode(b, 12) for b in split(ek[: 384 * K], 384)]
    a = matrix(ek[384 * K :])
    y = [ntt(f) for f in sample_vector(r, 0)]
    e1, e2 = sample_vector(r, K), sample_cbd(r, 2 * K)
    u = [add(inverse_ntt(dot(column, y)), e) for column, e in zip(zip(*a), e1)]
    v = add(add(inverse_ntt(dot(t, y)), e2), decompress(byte_decode(m, 1), 1))
    return b"".join(byte_encode(compress(f, DU), DU) for f in u) + byte_encode(compress(v, DV), DV)


def pke_decrypt(s, c):
    """FIPS 203, algorithm 15."""
    u = [decompress(byte_decode(b, DU), DU) for b in split(c[: 32 * DU * K], 32 * DU)]
    v = decompress(byte_decode(c[32 * DU * K :], DV), DV)
    su = inverse_ntt(dot(s, [ntt(f) for f in u]))
    return byte_encode(compress([(x - y) % Q for x, y in zip(v, su)], 1), 1)


@lru_cache(maxsize=64)
def key_pair(seed):
    """The secret vector and the encapsulation key of a seed d ‖ z. FIPS 203, algorithms 13 and 16."""
    if len(seed) != SEED_SIZE:
        raise ValueError("an ML-KEM seed has 64 bytes")
    both = sha3_512(seed[:32] + bytes([K])).digest()
    rho, sigma = both[:32], both[32:]
    s = [ntt(f) for f in sample_vector(sigma, 0)]
    e = [ntt(f) for f in sample_vector(sigma, K)]
    t = [add(dot(row, s), f) for row, f in zip(matrix(rho), e)]
    return s, b"".join(byte_encode(f, 12) for f in t) + rho


def encapsulation_key(seed):
    return key_pair(seed)[1]


def check_encapsulation_key(ek):
    """FIPS 203, section 7.2."""
    if len(ek) != ENCAPSULATION_KEY_SIZE:
        raise ValueError("an ML-KEM-768 encapsulation key has 1184 bytes")
    if any(x >= Q for b in split(ek[: 384 * K], 384) for x in byte_decode(b, 12)):
        raise ValueError("the ML-KEM-768 encapsulation key is not reduced")


def encapsulate(ek, m=None):
    """A shared key and its ciphertext. FIPS 203, algorithm 20; m only for known answers."""
    check_encapsulation_key(ek)
    m = m or os.urandom(32)
    both = sha3_512(m + sha3_256(ek).digest()).digest()
    return both[:32], pke_encrypt(ek, m, both[32:])


def decapsulate(seed, c):
    """The shared key of a ciphertext. FIPS 203, algorithm 21."""
    if len(c) != CIPHERTEXT_SIZE:
        raise ValueError("an ML-KEM-768 ciphertext has 1088 bytes")
    s, ek = key_pair(seed)
    m = pke_decrypt(s, c)
    both = sha3_512(m + sha3_256(ek).digest()).digest()
    if hmac.compare_digest(c, pke_encrypt(ek, m, both[32:])):
        return both[:32]
    return shake_256(seed[32:] + c).digest(32)

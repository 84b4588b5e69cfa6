"""Argon2id (RFC 9106, version 0x13). A slow helper for tests: not for production.

Pure Python takes some tenths of a second per MiB and pass; where argon2 (argon2-cffi, Debian's
python3-argon2) can be imported it does the work. The names are those of the RFC.
"""

from functools import reduce
from hashlib import blake2b
from struct import pack, unpack

try:
    import argon2.low_level as native
except ImportError:
    native = None

PURE_LIMIT = 8192
"""Memory in KiB times passes above which pure Python is not tried."""

VERSION, TYPE_ID, SLICES, WORDS = 0x13, 2, 4, 128
MASK32, MASK64 = 2**32 - 1, 2**64 - 1


class Unavailable(RuntimeError):
    """Too much for pure Python, and argon2 is not installed."""


def variable_hash(data, size):
    """H' of RFC 9106, section 3.3."""
    data = pack("<I", size) + data
    if size <= 64:
        return blake2b(data, digest_size=size).digest()
    v, out = blake2b(data).digest(), b""
    while size - len(out) > 64:
        out += v[:32]
        left = size - len(out)
        v = blake2b(v, digest_size=min(64, left)).digest()
    return out + v


def mix(v, a, b, c, d):
    """GB of RFC 9106, section 3.6, on four words of v."""
    w, x, y, z = v[a], v[b], v[c], v[d]
    w = (w + x + 2 * (w & MASK32) * (x & MASK32)) & MASK64
    z ^= w
    z = z >> 32 | (z << 32) & MASK64
    y = (y + z + 2 * (y & MASK32) * (z & MASK32)) & MASK64
    x ^= y
    x = x >> 24 | (x << 40) & MASK64
    w = (w + x + 2 * (w & MASK32) * (x & MASK32)) & MASK64
    z ^= w
    z = z >> 16 | (z << 48) & MASK64
    y = (y + z + 2 * (y & MASK32) * (z & MASK32)) & MASK64
    x ^= y
    x = x >> 63 | (x << 1) & MASK64
    v[a], v[b], v[c], v[d] = w, x, y, z


ROUND = [(i, i + 4, i + 8, i + 12) for i in range(4)] + [(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12) for i in range(4)]
ROWS = [list(range(16 * i, 16 * i + 16)) for i in range(8)]
COLUMNS = [[16 * row + 2 * i + half for row in range(8) for half in range(2)] for i in range(8)]
STEPS = [tuple(words[i] for i in quad) for words in ROWS + COLUMNS for quad in ROUND]


def compress(x, y):
    """G of RFC 9106, section 3.5."""
    r = [a ^ b for a, b in zip(x, y)]
    z = list(r)
    for step in STEPS:
        mix(z, *step)
    return [a ^ b for a, b in zip(z, r)]


class Memory:
    """The matrix of blocks, and where the next one looks."""

    def __init__(self, passes, memory, lanes):
        self.passes, self.lanes = passes, lanes
        self.segment = memory // (SLICES * lanes)
        self.length = SLICES * self.segment
        self.blocks = [[None] * self.length for _ in range(lanes)]

    def start(self, h0):
        for lane, row in enumerate(self.blocks):
            for i in range(2):
                block = variable_hash(h0 + pack("<II", i, lane), 8 * WORDS)
                row[i] = list(unpack("<128Q", block))

    def addresses(self, number, lane, part):
        """Data-independent pairs J1, J2 (RFC 9106, section 3.4.1.2), as one word each."""
        zero = [0] * WORDS
        head = [number, lane, part, self.lanes * self.length, self.passes, TYPE_ID]
        words = []
        while len(words) < self.segment:
            counter = len(words) // WORDS + 1
            block = head + [counter] + [0] * (WORDS - 7)
            words += compress(zero, compress(zero, block))
        return words

    def reference(self, word, number, lane, part, i):
        """The block that word points at. RFC 9106, section 3.4.2."""
        j1, j2 = word & MASK32, word >> 32
        first = number == 0 and part == 0
        other = lane if first else j2 % self.lanes
        done = part * self.segment if number == 0 else self.length - self.segment
        area = done + i - 1 if other == lane else done - (i == 0)
        z = area - 1 - (area * (j1 * j1 >> 32) >> 32)
        begin = 0 if number == 0 else (part + 1) % SLICES * self.segment
        return self.blocks[other][(begin + z) % self.length]

    def fill(self, number, lane, part):
        """One segment of a lane in pass number."""
        independent = number == 0 and part < SLICES // 2
        words = self.addresses(number, lane, part) if independent else None
        row = self.blocks[lane]
        for i in range(2 if number == 0 and part == 0 else 0, self.segment):
            at = part * self.segment + i
            previous = row[at - 1]
            word = words[i] if independent else previous[0]
            block = compress(previous, self.reference(word, number, lane, part, i))
            row[at] = block if number == 0 else [a ^ b for a, b in zip(block, row[at])]


def pure(password, salt, passes, memory, lanes, size, secret=b"", data=b""):
    fields = [password, salt, secret, data]
    h0 = blake2b(pack("<6I", lanes, size, memory, passes, VERSION, TYPE_ID) + b"".join(pack("<I", len(f)) + f for f in fields))
    m = Memory(passes, memory, lanes)
    m.start(h0.digest())
    for number in range(passes):
        for part in range(SLICES):
            for lane in range(lanes):
                m.fill(number, lane, part)
    last = reduce(lambda x, y: [a ^ b for a, b in zip(x, y)], (row[-1] for row in m.blocks))
    return variable_hash(pack("<128Q", *last), size)


def argon2id(password, salt, passes, memory, lanes, size=32):
    """Argon2id without secret and associated data; memory in KiB, at least 8 for each lane."""
    if native:
        return native.hash_secret_raw(password, salt, passes, memory, lanes, size, native.Type.ID, VERSION)
    if passes * memory > PURE_LIMIT:
        raise Unavailable(f"Argon2id with {passes} passes over {memory} KiB needs python3-argon2")
    return pure(password, salt, passes, memory, lanes, size)

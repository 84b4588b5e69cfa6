"""A member of a room that writes frames (spec/room-v1.md, sections 7 and 11 to 14): for tests with members of the library.

It serves what is pending and the Joins it is given, and asks nobody. A slow helper, not for production.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import compositekem
from room import Reader
from room_keys import MEMBER, NEWCOMER, Secrets, padded_size, schedule, seed_key, welcome_salt
from room_rules import Change
from room_state import Member, Serving, serve_group, serve_join
from room_wire import (
    COMMIT,
    HMAC,
    JOIN,
    KDF,
    LEAVE,
    MESSAGE,
    ZEROS,
    H,
    encode_set,
    extract,
    judge_leaf,
    public_of_seed,
    text,
    u8,
    u64,
    vec,
)


def sign(seed, label, x):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(text(label, x))


def kem_key():
    """A private key and its public key."""
    half = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    private = os.urandom(64) + half
    return private, compositekem.public_of_private(private)


def box(key, secret):
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, secret, None)


class Writer(Reader):
    """A reader that has an identity."""

    def __init__(self, room, name):
        super().__init__(room, Secrets())
        self.id, self.name, self.identity = room, name, os.urandom(32)
        self.signing = {}
        """The seeds of leaf keys by their public keys."""

    def index(self):
        return next(i for i, m in self.room.seats.roster.items() if m.leaf.identity == public_of_seed(self.identity))

    def key(self):
        """The seed of the leaf key in the roster."""
        return self.signing[self.room.seats.roster[self.index()].leaf.signing]

    def header(self, type):
        return u8(1) + (1).to_bytes(2, "big") + u8(type) + self.id

    def place(self):
        return u64(self.room.epoch) + self.room.transcripts[self.room.epoch]

    def seen(self):
        return u64(len(self.room.seen) - 1) + self.room.seen[-1]

    def leaf(self):
        seed = os.urandom(32)
        private, public = kem_key()
        self.keys.secrets.kem[public] = private
        self.signing[public_of_seed(seed)] = seed
        leaf = self.id + vec(1, self.name) + public_of_seed(self.identity) + public_of_seed(seed) + vec(2, public)
        leaf += sign(self.identity, "sign leaf by identity", leaf)
        return leaf + sign(seed, "sign leaf by leaf key", leaf), seed

    def join(self, expiry, invite_seed=None):
        """Section 7.2, with a proof if there is a seed."""
        leaf, seed = self.leaf()
        private, public = kem_key()
        self.keys.secrets.kem[public] = private
        frame = self.header(JOIN) + self.place() + vec(2, leaf) + vec(2, public) + u64(expiry)
        proof = b""
        if invite_seed:
            self.keys.seeds[seed_key(invite_seed)] = invite_seed
            proof = sign(KDF(invite_seed, "invite signing", b""), "sign invite proof", frame)
        frame += vec(1, proof) + vec(1, b"")
        frame += sign(self.identity, "sign join by identity", frame)
        return frame + sign(seed, "sign join by leaf key", frame)

    def leave(self):
        frame = self.header(LEAVE) + self.room.seats.roster[self.index()].membership
        return frame + sign(self.key(), "sign leave", frame)

    def message(self, messages, at, skip=0):
        """Section 7.6, some generations on. One at a time: the next after this one has come back."""
        room, index = self.room, self.index()
        r, generation = self.keys.epoch.chains[index]
        for _ in range(skip):
            r, generation = HMAC(r, b"\x02"), generation + 1
        end = ZEROS if room.seats.roster[index].since == room.epoch else room.end
        frame = self.header(MESSAGE) + self.place() + u8(index) + u64(generation + 1)
        frame += room.last.get(index, ZEROS) + self.seen() + end
        plain = vec(3, b"".join(m["id"] + u8(m["kind"]) + vec(3, m["text"]) for m in messages))
        key = urlsafe_b64encode(KDF(HMAC(r, b"\x01"), "fernet", frame))
        token = Fernet(key).encrypt_at_time(plain + bytes(padded_size(len(plain)) - len(plain)), at)
        frame += vec(3, urlsafe_b64decode(token))
        return frame + sign(self.key(), "sign message", frame)

    def commit(self, adds=(), new_leaf=False):
        """Section 7.5: serves everything pending, and the adds; rotates where it has to."""
        room, committer = self.room, self.index()
        old, seats, epoch = room.seats, room.seats.copy(), room.epoch + 1
        commit_secret = os.urandom(32)
        joiner_secret = extract(self.keys.epoch.values["init"], commit_secret)
        groups = [[p.frame for p in old.pending if p.target == t] for t in dict.fromkeys(p.target for p in old.pending)]
        rotate = any([by_remove for _, by_remove in [serve_group(group, seats) for group in groups]])
        serving = Serving(room.epoch, room.transcripts, room.used, committer, rotate)
        joins = {index: join for index, join, _ in [serve_join(add, seats, serving) for add in adds]}
        seed = KDF(joiner_secret, "invite", self.id) if rotate else self.keys.seeds[old.invite_key]
        seats.invite_key = seed_key(seed)
        leaf = self.leaf()[0] if new_leaf else b""
        if leaf:
            mine = old.roster[committer]
            seats.roster[committer] = Member(judge_leaf(leaf, self.id), mine.membership, mine.since)
        others = [i for i in sorted(seats.roster) if i != committer]
        entries = b"".join(self.entry(i, joins.get(i), seats, committer, commit_secret, joiner_secret) for i in others)
        tail = vec(3, entries) + vec(2, box(KDF(joiner_secret, "welcome", self.id + u64(epoch)), seed))
        removes = b"".join(vec(3, b"".join(vec(2, f) for f in group)) for group in groups)
        body = self.header(COMMIT) + self.place() + u8(committer) + vec(3, removes) + vec(3, b"".join(vec(2, a) for a in adds))
        body += u8(0) + encode_set([]) + (u8(1) + seats.invite_key if rotate else u8(0)) + encode_set([])
        body += vec(2, leaf) + self.seen() + H("entries", tail)
        transcript = H("transcript", room.transcripts[room.epoch] + vec(3, body))
        frame = body + schedule(Change(epoch, self.id, transcript, seats=seats), joiner_secret)["tag"]
        self.keys.secrets.epochs[epoch] = {"commit_secret": commit_secret}
        return frame + sign(self.key(), "sign commit", frame) + tail

    def entry(self, index, join, seats, committer, commit_secret, joiner_secret):
        """Section 12."""
        old, to = self.room.seats, seats.roster[index].leaf
        key = join.init_key if join else to.kem
        ss, ciphertext = compositekem.encapsulate(key)
        if join:
            ss = extract(welcome_salt(self.keys.seeds[old.invite_key]) if join.proof else ZEROS, ss)
        context = self.id + u64(self.room.epoch + 1) + self.room.transcripts[self.room.epoch] + u8(NEWCOMER if join else MEMBER)
        context += old.roster[committer].leaf.hash() + to.hash() + H("kem key", key) + H("ciphertext", ciphertext)
        sealed = box(KDF(ss, "wrap", context), joiner_secret if join else commit_secret)
        return u8(index) + vec(2, ciphertext) + vec(2, sealed)

"""The layout of every type of frame (spec/room-v1.md, section 7)."""

from dataclasses import dataclass

from room_wire import (
    ADMISSIONS,
    BOX_SIZE,
    CIPHERTEXT_SIZE,
    HEADER_SIZE,
    LEAVE,
    MAX_ADDS,
    MAX_MEMBERS,
    REMOVE,
    Cursor,
    require,
    verifies,
)

MAX_REMOVES, MAX_GROUP = 256, 3
"""Groups of removes in a Commit, and frames in a group."""


def body_of(frame, check):
    c = Cursor(frame, check)
    c.take(HEADER_SIZE)
    return c


@dataclass(frozen=True)
class Create:
    header: bytes
    leaf: bytes
    signature: bytes


def parse_create(frame, check):
    c = body_of(frame, check)
    create = Create(c.vec(2, "the Create header"), c.vec(2, "the leaf"), c.take(64, "the signature"))
    c.end()
    return create


@dataclass(frozen=True)
class CreateHeader:
    room_name: bytes
    admission: int
    invite_key: bytes
    creator: bytes
    identity: bytes


def parse_create_header(data, check):
    c = Cursor(data, check)
    room_name, admission = c.vec(1, "the room's name"), c.number(1, "admission")
    header = CreateHeader(room_name, admission, c.take(32, "the invite key"), c.vec(1, "creator"), c.take(32, "the identity key"))
    c.take(32, "random")
    c.end()
    require(admission in ADMISSIONS, "ErrMalformed", check, f"admission {admission}")
    return header


@dataclass(frozen=True)
class Join:
    frame: bytes
    epoch: int
    transcript: bytes
    leaf: bytes
    init_key: bytes
    expiry: int
    proof: bytes
    by_replaced: bytes
    by_identity: bytes
    by_leaf: bytes

    def before_proof(self):
        return self.frame[: -(64 + 64 + len(self.by_replaced) + 1 + len(self.proof) + 1)]

    def before_replaced(self):
        return self.frame[: -(64 + 64 + len(self.by_replaced) + 1)]


def parse_join(frame, check):
    c = body_of(frame, check)
    epoch, transcript, leaf = c.number(8, "the epoch"), c.take(32, "M"), c.vec(2, "the leaf")
    init_key, expiry = c.vec(2, "the init key"), c.number(8, "the expiry")
    proof, replaced = c.vec(1, "the proof", (0, 64)), c.vec(1, "the signature by the replaced leaf key", (0, 64))
    by_identity, by_leaf = c.take(64, "the signature by identity"), c.take(64, "the signature by leaf key")
    c.end()
    return Join(frame, epoch, transcript, leaf, init_key, expiry, proof, replaced, by_identity, by_leaf)


@dataclass(frozen=True)
class Removal:
    """A Leave, whose signer is its target, or a Remove."""

    frame: bytes
    type: int
    signer: bytes
    target: bytes
    ban: bool
    signature: bytes

    def kind(self):
        return (self.type, self.ban)

    def verifies(self, key):
        label = "sign leave" if self.type == LEAVE else "sign remove"
        return verifies(key, label, self.frame[:-64], self.signature)


def parse_removal(frame, check):
    c = body_of(frame, check)
    signer = target = c.take(32, "the membership")
    ban = False
    if frame[3] == REMOVE:
        target, ban = c.take(32, "the target"), c.flag("ban")
    removal = Removal(frame, frame[3], signer, target, ban, c.take(64, "the signature"))
    c.end()
    return removal


@dataclass(frozen=True)
class Entry:
    index: int
    ciphertext: bytes
    box: bytes


@dataclass(frozen=True)
class Commit:
    frame: bytes
    epoch: int
    transcript: bytes
    committer: int
    removes: list
    adds: list
    admission: int
    admins: list
    rotate: bool
    invite_key: bytes
    unban: list
    new_leaf: bytes
    seen_count: int
    seen_hash: bytes
    tail_hash: bytes
    body: bytes
    tag: bytes
    signature: bytes
    signed: bytes
    tail: bytes
    entries: list
    sealed: bytes


def parse_commit(frame, check):
    c = body_of(frame, check)
    f = {"frame": frame, "epoch": c.number(8, "the epoch"), "transcript": c.take(32, "M")}
    f["committer"] = c.number(1, "the committer")
    f["removes"] = [read_group(group, check) for group in c.list(3, "removes", MAX_REMOVES)]
    f["adds"] = [add.vec(2, "an add") for add in c.list(3, "adds", MAX_ADDS)]
    f["admission"], f["admins"], f["rotate"] = c.number(1, "admission"), c.set("admins"), c.flag("rotate")
    f["invite_key"] = c.take(32, "the invite key") if f["rotate"] else None
    f["unban"], f["new_leaf"] = c.set("unban"), c.vec(2, "the new leaf")
    f["seen_count"], f["seen_hash"] = c.number(8, "the seen count"), c.take(32, "the seen hash")
    f["tail_hash"] = c.take(32, "the tail hash")
    f["body"], f["tag"], f["signed"] = frame[: c.at], c.take(32, "the tag"), frame[: c.at]
    f["signature"], f["tail"] = c.take(64, "the signature"), frame[c.at :]
    f["entries"] = [read_entry(entry) for entry in c.list(3, "entries", MAX_MEMBERS)]
    f["sealed"] = c.vec(2, "sealed", (BOX_SIZE,))
    c.end()
    return Commit(**f)


def read_group(cursor, check):
    group = [frame.vec(2, "a remove") for frame in cursor.list(3, "a group", MAX_GROUP)]
    require(group, "ErrMalformed", check, "a group is empty")
    return group


def read_entry(cursor):
    index = cursor.number(1, "an index")
    return Entry(index, cursor.vec(2, "a ciphertext", (CIPHERTEXT_SIZE,)), cursor.vec(2, "a box", (BOX_SIZE,)))


@dataclass(frozen=True)
class Message:
    header: bytes
    epoch: int
    transcript: bytes
    sender: int
    generation: int
    previous: bytes
    seen_count: int
    seen_hash: bytes
    end: bytes
    token: bytes
    signed: bytes
    signature: bytes


def parse_message(frame, check):
    c = body_of(frame, check)
    epoch, transcript, sender = c.number(8, "the epoch"), c.take(32, "M"), c.number(1, "the sender")
    generation, previous = c.number(8, "the generation"), c.take(32, "previous")
    seen_count, seen_hash, end = c.number(8, "the seen count"), c.take(32, "the seen hash"), c.take(32, "end")
    header, token, signed = frame[: c.at], c.vec(3, "the token"), frame[: c.at]
    signature = c.take(64, "the signature")
    c.end()
    require(epoch >= 1 and generation >= 1, "ErrMalformed", check, "epoch or generation 0")
    return Message(header, epoch, transcript, sender, generation, previous, seen_count, seen_hash, end, token, signed, signature)

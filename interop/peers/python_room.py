"""Rooms by the second reader in room.py.

room_open(name, room, secrets) begins a log under that name; room is in hex digits, secrets are as in room_files.py.
room_secrets(name, secrets) adds some, for what is read from then on.
room_read(name, frames) -> what room.py tells of each frame, as its --json does.
room_try(name, frames) -> the same for each as if it alone came next; nothing changes.
room_state(name) -> the public state of section 6, bytes in hex digits.
room_member(name, room, person) begins a log as a member that can write, with a new identity.
room_join(name, expiry, invite_seed), room_leave(name), room_message(name, messages, at, skip) and
room_commit(name, adds, new_leaf) -> its frame.
room_vectors() -> {"agreed": n, "differences": [...]}, of testdata/vectors/room-v1.json.
room_forge(kind, seed) -> {"logs": [{"room": roomID in hex digits, "frames": [...]}, ...]}, by room_forge.py.
"""

import copy
import json

import room_files
import room_forge
import room_vectors
from room import Reader
from room_member import Writer
from room_wire import H

readers = {}


def open(name, room, secrets=None):
    readers[name] = Reader(bytes.fromhex(room), room_files.read_secrets(secrets or {}))
    return len(readers)


def member(name, room, person):
    readers[name] = Writer(bytes.fromhex(room), person.encode())
    return len(readers)


def secrets(name, secrets):
    keys, more = readers[name].keys, room_files.read_secrets(secrets)
    keys.secrets.kem |= more.kem
    keys.secrets.epochs |= more.epochs
    keys.seeds |= more.seeds
    return len(keys.secrets.kem)


def read(name, frames):
    return room_files.plain([readers[name].read(frame) for frame in frames])


def attempt(name, frames):
    return room_files.plain([copy.deepcopy(readers[name]).read(frame) for frame in frames])


def state(name):
    room = readers[name].room
    if not room.seats:
        return {"position": room.position, "created": False}
    roster, last = room.seats.roster, room.last
    senders = {i: [room.generations.get(i, 0), room.positions.get(i, 0), last[i].hex()] for i in roster if i in last}
    return room_files.plain(
        {
            "position": room.position,
            "created": True,
            "epoch": room.epoch,
            "transcript": room.transcripts[room.epoch],
            "past": [room.transcripts[e] for e in sorted(room.transcripts)[:-1]],
            "policy": room.seats.encode_policy(),
            "seats": {i: [m.membership.hex(), m.since, m.leaf.hash().hex()] for i, m in roster.items()},
            "senders": senders,
            "pending": [H("frame", p.frame) for p in room.seats.pending],
            "used": {hash.hex(): epoch for hash, epoch in room.used.items()},
            "seen": room.seen,
            "end": room.end or bytes(32),
        }
    )


def vectors():
    with room_vectors.VECTORS.open(encoding="utf-8") as f:
        c = room_vectors.compare(json.load(f))
    return {"agreed": c.agreed, "differences": c.differences}


OPS = {
    "room_open": open,
    "room_secrets": secrets,
    "room_read": read,
    "room_try": attempt,
    "room_state": state,
    "room_member": member,
    "room_join": lambda name, expiry, invite_seed=None: readers[name].join(expiry, invite_seed),
    "room_leave": lambda name: readers[name].leave(),
    "room_message": lambda name, messages, at, skip=0: readers[name].message(messages, at, skip),
    "room_commit": lambda name, adds=(), new_leaf=False: readers[name].commit(adds, new_leaf),
    "room_vectors": vectors,
    "room_forge": lambda kind, seed: {"logs": room_forge.KINDS[kind](seed)},
}

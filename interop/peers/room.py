"""Verifies a recorded log of a room, from spec/room-v1.md alone: a second implementation to test with.

    python3 room.py log.json [--secrets secrets.json]

Each frame of the log is judged by the public rules, in order. With a member's secrets the key
schedule is followed and each Message is opened; without them everything public is still checked.
A line tells what each frame is: valid, or void with the error and the number of the check in the
specification that it fails, the outer check first: "9.5/10 > 9.3/13" is row 13 of section 9.3, made
by row 10 of section 9.5. Lines under it tell of the state that a Create or a Commit leads to, of
texts, and, marked with "!", of whatever a reader has to look at.

Void frames are part of a log: they change nothing and are no failure. The exit status is

    0  the log has a room, and all that could be checked is right
    1  something is not: no room; a gap or a fork; an entry, a tag, a sealed seed or a token that is
       wrong; or, with --strict, an epoch or a Message that the secrets do not open
    2  a file cannot be read

A slow helper for tests and audits, not for production: nothing here is constant-time or wiped.
"""

import argparse
import json
import sys

import room_files
from room_keys import Keys, Wrong
from room_report import NAMES, lines
from room_rules import Room
from room_wire import ADMISSIONS, H, vec


class Reader:
    """Reads a log with what secrets there are."""

    def __init__(self, room, secrets):
        self.room, self.keys = Room(room), Keys(secrets)

    def read(self, frame):
        """What is to be told of the frame."""
        outcome = self.room.read(frame)
        told = {"position": outcome.position, "type": outcome.type, "size": outcome.size, "frame_hash": outcome.hash}
        told |= {"verdict": outcome.reason or "valid"}
        if outcome.reason:
            told |= {"check": outcome.check, "detail": outcome.detail}
        told |= {"about": {k: v.decode() if k in NAMES else v for k, v in outcome.about.items()}}
        told |= {"signatures": outcome.signatures, "gaps": outcome.gaps, "findings": []}
        told |= {"forks": [{"identity": identity, "what": what} for identity, what in outcome.forks]}
        if outcome.change:
            self.enter(outcome.change, told)
        if outcome.message:
            self.open(outcome.message, told)
        return told

    def enter(self, change, told):
        epoch = self.keys.enter(change)
        told["epoch"] = describe(change.epoch, self.room) | epoch.values | {"entries": epoch.entries, "ratchets": epoch.starts}
        told["epoch"] |= {"keys_from": epoch.source, "confirmed": epoch.confirmed}
        told["findings"] += epoch.findings

    def open(self, m, told):
        told["message"] = {"epoch": m.epoch, "sender": m.sender, "generation": m.generation, "seen_after": self.room.seen[-1]}
        try:
            values = self.keys.open_message(m)
        except Wrong as w:
            told["findings"].append(str(w))
            return
        if values:
            told["message"] |= values
            told["message"]["messages"] = [{"id": id, "kind": kind, "text": text} for id, kind, text in values["messages"]]


def fingerprint(identity):
    """spec/identity-v1.md, section 2."""
    return H("fingerprint", vec(1, b"ed25519") + identity)


def describe(number, room):
    """The public state at the start of an epoch."""
    seats = room.seats
    members = [
        {
            "index": i,
            "name": m.leaf.name.decode(),
            "identity": m.leaf.identity,
            "fingerprint": fingerprint(m.leaf.identity),
            "membership": m.membership,
            "leaf_hash": m.leaf.hash(),
            "since": m.since,
            "admin": seats.is_admin(i),
        }
        for i, m in sorted(seats.roster.items())
    ]
    roster, policy = seats.encode_roster(), seats.encode_policy()
    return {
        "epoch": number,
        "transcript": room.transcripts[number],
        "seen_start": room.seen[0],
        "rank_hashes": [f"{i}: {hash.hex()}" for i, hash in room.ranks().items()],
        "members": members,
        "roster": roster,
        "roster_hash": H("roster", roster),
        "admission": ADMISSIONS[seats.admission],
        "bans": sorted(seats.bans),
        "policy": policy,
        "policy_hash": H("policy", policy),
        "invite_public_key": seats.invite_key,
    }


def summary(told):
    """The counts that decide the exit status."""
    opened = [t for t in told if "messages" in t.get("message", {})]
    closed = [t for t in told if "message" in t and "messages" not in t["message"]]
    later = [t for t in told if "epoch" in t and t["epoch"]["epoch"]]
    return {
        "frames": len(told),
        "void": sum(t["verdict"] != "valid" for t in told),
        "created": any(t["type"] == "Create" and t["verdict"] == "valid" for t in told),
        "epochs": len(later),
        "epochs_without_keys": sum("digits" not in t["epoch"] for t in later),
        "messages_opened": len(opened),
        "messages_not_opened": len(closed),
        "gaps": sum(len(t["gaps"]) for t in told),
        "forks": sum(len(t["forks"]) for t in told),
        "findings": sum(len(t["findings"]) for t in told),
    }


def verified(s, strict):
    right = s["created"] and not s["gaps"] + s["forks"] + s["findings"]
    return right and not (strict and s["epochs_without_keys"] + s["messages_not_opened"])


def arguments(args):
    about, _, rest = __doc__.partition("\n\n")
    as_is, more = argparse.RawDescriptionHelpFormatter, rest + "\n" + room_files.__doc__
    p = argparse.ArgumentParser(description=about, epilog=more, formatter_class=as_is)
    p.add_argument("log", help="the recorded log, a JSON file")
    several = "a member's secrets, a JSON file; more than once for several members"
    p.add_argument("--secrets", metavar="FILE", action="append", default=[], help=several)
    p.add_argument("--until", metavar="N", type=int, help="read no more than the first N frames")
    p.add_argument("--values", action="store_true", help="show every hash, secret and signature too")
    p.add_argument("--json", action="store_true", help="print everything as one JSON object")
    p.add_argument("--strict", action="store_true", help="what the secrets do not open is a failure too")
    return p.parse_args(args)


def main(args):
    options = arguments(args)
    try:
        room, frames = room_files.read_log(room_files.load(options.log))
        secrets = room_files.read_secrets(*map(room_files.load, options.secrets))
    except room_files.Unreadable as e:
        print(e, file=sys.stderr)
        return 2
    reader, told = Reader(room, secrets), []
    for frame in frames[: options.until]:
        told.append(reader.read(frame))
        if not options.json:
            print("\n".join(lines(told[-1], options.values)))
    s = summary(told)
    ok = verified(s, options.strict)
    if options.json:
        print(json.dumps(room_files.plain({"verified": ok, "summary": s, "frames": told}), indent=1))
    else:
        print(("VERIFIED: " if ok else "NOT VERIFIED: ") + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in s.items()))
    return 0 if ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        sys.exit(1)

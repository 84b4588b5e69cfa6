"""Holds room.py to the recorded room: every value of testdata/vectors/room-v1.json has to come out.

    python3 room_vectors.py [room-v1.json]

All secrets of the recorded room are public, and all are given: whatever can be derived is compared.
Prints a line for each value that differs, and how many agreed.
"""

import json
import sys
from pathlib import Path

import room_files
from room import Reader, fingerprint
from room_wire import public_of_seed

VECTORS = Path(__file__).parents[2] / "testdata" / "vectors" / "room-v1.json"


def secrets_of(recorded):
    """The secrets of all members in one, by the format of room_files."""
    leaves = recorded["leaves"]
    epochs = {str(e["epoch"]): {"commit_secret": e["commit_secret"]} for e in recorded["epochs"] if "commit_secret" in e}
    keys = [leaf[name] for leaf in leaves for name in ("leaf_kem_private", "init_kem_private") if name in leaf]
    return {"init_0": recorded["init_0"], "invite_seeds": [recorded["invite_seed_0"]], "kem_keys": keys, "epochs": epochs}


class Comparison:
    def __init__(self):
        self.agreed, self.differences = 0, []

    def compare(self, what, recorded, ours):
        """Whatever was recorded has to be there, whatever its depth."""
        if isinstance(recorded, dict):
            for name, value in recorded.items():
                self.compare(f"{what}.{name}", value, ours.get(name) if isinstance(ours, dict) else None)
        elif isinstance(recorded, list):
            self.compare(f"number of {what}", len(recorded), len(ours or []))
            for i, (r, o) in enumerate(zip(recorded, ours or [])):
                self.compare(f"{what}[{i}]", r, o)
        elif recorded == ours:
            self.agreed += 1
        else:
            self.differences.append(f"{what}: recorded {recorded}, here {ours}")


def compare(recorded):
    room, frames = room_files.read_log(recorded)
    reader = Reader(room, room_files.read_secrets(secrets_of(recorded)))
    told = room_files.plain([reader.read(frame) for frame in frames])
    c = Comparison()
    for frame, t in zip(recorded["log"], told):
        for message in t.get("message", {}).get("messages", []):
            message["text"] = bytes.fromhex(message["text"]).decode()
        without = {name: value for name, value in frame.items() if name not in ("note", "frame", "seq")}
        c.compare(f"frame {frame['seq']}", {"position": frame["seq"]} | without, t)
        c.compare(f"findings of frame {frame['seq']}", [], t["findings"] + t["gaps"] + t["forks"])
    c.compare("epochs", recorded["epochs"], [t["epoch"] for t in told if "epoch" in t])
    leaves = {(m["name"], m["leaf_hash"]) for t in told if "epoch" in t for m in t["epoch"]["members"]}
    c.compare("leaves", sorted((leaf["name"], leaf["leaf_hash"]) for leaf in recorded["leaves"]), sorted(leaves))
    for p in recorded["people"]:
        key = public_of_seed(bytes.fromhex(p["identity_seed"]))
        ours = {"identity_key": key.hex(), "fingerprint": fingerprint(key).hex()}
        c.compare(p["name"], {name: p[name] for name in ours}, ours)
    return c


def main(args):
    with open(args[0] if args else VECTORS, encoding="utf-8") as f:
        c = compare(json.load(f))
    print("\n".join([*c.differences, f"{c.agreed} values agree, {len(c.differences)} differ"]))
    return 1 if c.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

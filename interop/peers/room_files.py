"""Recorded logs and secrets as files, and what was found as JSON.

A log is {"room_id": hex, "log": [frame, ...]} with the frames in the order of the relay, from the
first on. A frame is a string of hex digits, or an object that has them as "frame", or has base64 as
"base64"; whatever else stands in these objects is ignored.

Secrets are one object, all of whose fields may be missing. Bytes are hex digits:

    kem_keys      private KEM keys of leaves and of Joins (init keys), old and new, in any order:
                  the ML-KEM seed (64 bytes), then the DER RSAPrivateKey
    invite_seeds  those of the Create, or of the link by which the member joined
    init_0        the creator's
    epochs        by the number of an epoch, any of commit_secret, joiner_secret, epoch_secret, init,
                  confirm, authenticator, sender_root, and ratchets: r_0 by index. A Commit has no
                  entry for its committer, who has to bring commit_secret or joiner_secret here

A creator who makes the first Commit has init_0, invite_seeds and epochs; a joiner has the private
keys of its leaf and its Join in kem_keys, and, if it used a link, the seed of the link.
"""

import json
from base64 import b64decode
from binascii import Error

from room_keys import SCHEDULE, Secrets


class Unreadable(ValueError):
    """A file that is not what it should be."""


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            value = json.load(f)
    except (OSError, ValueError) as e:
        raise Unreadable(f"{path}: {e}") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{path}: not an object")
    return value


def unhex(what, value, size=None):
    try:
        got = bytes.fromhex(value)
    except (TypeError, ValueError):
        raise Unreadable(f"{what}: not hex digits") from None
    if size is not None and len(got) != size:
        raise Unreadable(f"{what}: {len(got)} bytes, not {size}")
    return got


def frame_of(number, value):
    what = f"frame {number}"
    if isinstance(value, dict) and "base64" in value:
        try:
            return b64decode(value["base64"], validate=True)
        except (TypeError, Error):
            raise Unreadable(f"{what}: not base64") from None
    return unhex(what, value.get("frame") if isinstance(value, dict) else value)


def read_log(value):
    """roomID and frames."""
    if not isinstance(value.get("log"), list):
        raise Unreadable("the log has no list of frames")
    return unhex("room_id", value.get("room_id"), 32), [frame_of(i + 1, f) for i, f in enumerate(value["log"])]


def epoch_secrets(number, value):
    secrets = {name: unhex(f"{name} of epoch {number}", value[name], 32) for name in SCHEDULE if name in value}
    ratchets = {int(i): unhex(f"ratchet {i} of epoch {number}", r, 32) for i, r in value.get("ratchets", {}).items()}
    return secrets | ({"ratchets": ratchets} if ratchets else {})


def read_secrets(*values):
    """What all of these objects say together."""
    secrets = Secrets()
    for value in values:
        try:
            add_secrets(secrets, value)
        except Unreadable:
            raise
        except (AttributeError, TypeError, ValueError) as e:
            raise Unreadable(f"secrets: {e}") from None
    return secrets


def add_secrets(secrets, value):
    for i, key in enumerate(value.get("kem_keys", [])):
        add_key(secrets, i + 1, unhex(f"KEM key {i + 1}", key))
    for i, seed in enumerate(value.get("invite_seeds", [])):
        secrets.add_seed(unhex(f"invite seed {i + 1}", seed, 32))
    epochs = {int(n): epoch_secrets(n, s) for n, s in value.get("epochs", {}).items()}
    if "init_0" in value:
        epochs.setdefault(0, {})["init"] = unhex("init_0", value["init_0"], 32)
    for n, known in epochs.items():
        secrets.epochs[n] = secrets.epochs.get(n, {}) | known


def add_key(secrets, number, key):
    try:
        secrets.add_key(key)
    except ValueError as e:
        raise Unreadable(f"KEM key {number}: {e}") from None


def plain(value):
    """The value as JSON has it: bytes in hex digits."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value

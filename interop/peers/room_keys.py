"""What secrets open of a room: key schedule, entries and Messages (spec/room-v1.md, sections 11 to 13).

Nothing here decides what a frame is; that is in room_rules.py.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hmac import compare_digest

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import compositekem
from room_wire import HMAC, KDF, MAX_MESSAGES, MAX_TEXT_SIZE, ZEROS, Cursor, H, Void, extract, public_of_seed, u8, u64

MEMBER, NEWCOMER = 1, 2
"""The roles of section 12."""

SCHEDULE = ("commit_secret", "joiner_secret", "epoch_secret", "init", "confirm", "authenticator", "sender_root")
"""The secrets of an epoch that may be given, by the names of section 11.2."""


GIVEN = "the secrets that were given"


class Wrong(Exception):
    """A secret part of a frame is not what it ought to be."""


def open_box(key, box):
    """The secret in a box (section 2)."""
    try:
        return AESGCM(key).decrypt(box[:12], box[12:], None)
    except InvalidTag:
        raise Wrong("the box does not open") from None


def seed_key(seed):
    """The invite key of an invite seed (section 11.3)."""
    return public_of_seed(KDF(seed, "invite signing", b""))


def welcome_salt(seed):
    return KDF(seed, "invite welcome", b"")


def digits_of(authenticator):
    """Section 11.4."""
    d = KDF(authenticator, "digits", u8(1)) + KDF(authenticator, "digits", u8(2))
    return " ".join(f"{int.from_bytes(d[5 * i : 5 * i + 5], 'big') % 100000:05d}" for i in range(12))


@dataclass
class Secrets:
    """What a member knows: KEM private keys by their public keys, invite seeds by their invite keys, and secrets by epoch."""

    kem: dict = field(default_factory=dict)
    seeds: dict = field(default_factory=dict)
    epochs: dict = field(default_factory=dict)

    def add_key(self, private):
        self.kem[compositekem.public_of_private(private)] = private

    def add_seed(self, seed):
        self.seeds[seed_key(seed)] = seed


@dataclass
class Epoch:
    """The secrets of an epoch, as far as they are known, and what was wrong on the way to them."""

    number: int
    values: dict = field(default_factory=dict)
    entries: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    chains: dict = field(default_factory=dict)
    """r_i of each index, and i."""
    starts: dict = field(default_factory=dict)
    """r_0 of each index."""
    source: str = ""
    confirmed: bool = False
    """Whether the tag of the Commit is that of these secrets."""


def padded_size(n):
    """P(n) of section 13.3."""
    if n <= 64:
        return 64
    e = n.bit_length() - 1
    step = 1 << (e - e.bit_length())
    return (n + step - 1) // step * step


def unpack(plaintext):
    """The application messages of a plaintext: id, kind and text of each."""
    c = Cursor(plaintext, "13.3")
    try:
        inner = Cursor(c.vec(3, "the list"), "13.3")
        messages = []
        while inner.at < len(inner.data):
            messages.append((inner.take(16, "an id"), inner.number(1, "a kind"), inner.vec(3, "a text")))
    except Void as v:
        raise Wrong(f"ErrPlaintext: {v.detail}") from None
    sizes = messages and len(messages) <= MAX_MESSAGES and all(len(text) <= MAX_TEXT_SIZE for _, _, text in messages)
    if not sizes or len(plaintext) != padded_size(c.at) or any(plaintext[c.at :]):
        raise Wrong("ErrPlaintext: the list or the padding")
    return messages


class Keys:
    """Follows the Commits of a log with the secrets of a member, or of several."""

    def __init__(self, secrets):
        self.secrets, self.seeds, self.epoch = secrets, dict(secrets.seeds), Epoch(-1)

    def enter(self, change):
        """The secrets of the epoch that the change starts."""
        epoch, old = Epoch(change.epoch), self.epoch
        given = self.secrets.epochs.get(change.epoch, {})
        if change.epoch == 0:
            epoch.values = {k: given[k] for k in ("init",) if k in given}
            epoch.source = GIVEN if epoch.values else ""
        else:
            self.follow(change, old, epoch, given)
        seed = self.seeds.get(change.seats.invite_key)
        if seed:
            epoch.values["invite_seed"] = seed
        self.epoch = epoch
        return epoch

    def follow(self, change, old, epoch, given):
        init = old.values.get("init")
        for entry in change.commit.entries:
            self.try_entry(change, entry, init, epoch)
        self.try_candidate(change, GIVEN, self.candidate(given, init), epoch)
        for name in SCHEDULE:
            if name in given and epoch.values.setdefault(name, given[name]) != given[name]:
                epoch.findings.append(f"{name} is not the one that was given")
        if "confirm" in epoch.values:
            epoch.values["tag"] = HMAC(epoch.values["confirm"], change.transcript)
        if "authenticator" in epoch.values:
            epoch.values["digits"] = digits_of(epoch.values["authenticator"])
        if "sender_root" in epoch.values:
            roots = {i: KDF(epoch.values["sender_root"], "sender", u8(i)) for i in change.seats.roster}
            epoch.starts, epoch.chains = roots, {i: (r, 0) for i, r in roots.items()}
        for index, r in given.get("ratchets", {}).items():
            epoch.chains.setdefault(index, (r, 0))
        if epoch.chains and not epoch.source:
            epoch.source = GIVEN
        self.take_seed(change, epoch)

    def candidate(self, given, init):
        """joiner_secret and epoch_secret of what was given, or None."""
        if "joiner_secret" in given:
            return given["joiner_secret"], given.get("commit_secret")
        if "commit_secret" in given and init:
            return extract(init, given["commit_secret"]), given["commit_secret"]
        return None

    def try_entry(self, change, entry, init, epoch):
        """Opens the entry, if its key is there."""
        join = change.joins.get(entry.index)
        key = join.init_key if join else change.seats.roster[entry.index].leaf.kem
        if key not in self.secrets.kem:
            return
        opened = {"index": entry.index, "role": NEWCOMER if join else MEMBER}
        epoch.entries.append(opened)
        who = f"the entry of {entry.index}"
        try:
            self.open_entry(change, entry, join, key, opened)
        except Wrong as w:
            epoch.findings.append(f"{who}: {w}")
            return
        if join:
            self.try_candidate(change, who, (opened["secret"], None), epoch)
        elif init:
            self.try_candidate(change, who, (extract(init, opened["secret"]), opened["secret"]), epoch)

    def open_entry(self, change, entry, join, key, opened):
        """Section 12."""
        try:
            ss = compositekem.decapsulate(self.secrets.kem[key], entry.ciphertext)
        except ValueError as e:
            raise Wrong(f"the ciphertext is refused: {e}") from None
        salt = ZEROS
        if join and join.proof:
            seed = self.seeds.get(change.before.invite_key)
            if seed is None:
                raise Wrong("the Join has a proof, and the invite seed is not known")
            salt = welcome_salt(seed)
        before, after, c = change.before.roster, change.seats.roster, change.commit
        opened["ss"] = ss
        opened["ss_prime"] = extract(salt, ss) if join else ss
        context = change.room + u64(change.epoch) + change.transcript_before + u8(opened["role"])
        context += before[c.committer].leaf.hash() + after[entry.index].leaf.hash()
        context += H("kem key", key) + H("ciphertext", entry.ciphertext)
        opened["kek"] = KDF(opened["ss_prime"], "wrap", context)
        opened["secret"] = open_box(opened["kek"], entry.box)

    def try_candidate(self, change, source, secrets, epoch):
        """Takes the secrets if the tag is theirs."""
        if secrets is None:
            return
        joiner_secret, commit_secret = secrets
        values = schedule(change, joiner_secret)
        if not compare_digest(values["tag"], change.commit.tag):
            epoch.findings.append(f"{source}: ErrConfirmation, the tag differs")
            return
        if commit_secret:
            values["commit_secret"] = commit_secret
        epoch.values |= values
        epoch.confirmed = True
        epoch.source = epoch.source or source

    def take_seed(self, change, epoch):
        """The invite seed, of a rotation and of sealed."""
        joiner_secret = epoch.values.get("joiner_secret")
        if not joiner_secret:
            return
        invite_key = change.seats.invite_key
        if change.commit.rotate:
            seed = KDF(joiner_secret, "invite", change.room)
            if seed_key(seed) == invite_key:
                self.seeds[invite_key] = seed
            else:
                epoch.findings.append("the new invite key is not that of joiner_secret")
        epoch.values["welcome"] = KDF(joiner_secret, "welcome", change.room + u64(change.epoch))
        try:
            sealed = open_box(epoch.values["welcome"], change.commit.sealed)
        except Wrong:
            epoch.findings.append("sealed does not open")
            return
        if seed_key(sealed) == invite_key:
            self.seeds[invite_key] = sealed
        else:
            what = "no seed" if sealed == ZEROS else "a seed that does not lead to the invite key"
            epoch.findings.append(f"{what} is sealed")

    def open_message(self, m):
        """The values of a valid Message, or None without its chain. What was stepped over is forgotten."""
        if m.sender not in self.epoch.chains:
            return None
        r, at = self.epoch.chains[m.sender]
        if m.generation - 1 < at:
            raise Wrong("the chain that was given is behind this generation")
        for _ in range(m.generation - 1 - at):
            r = HMAC(r, b"\x02")
        message_key = HMAC(r, b"\x01")
        self.epoch.chains[m.sender] = HMAC(r, b"\x02"), m.generation
        values = {"ratchet": r, "message_key": message_key, "fernet_key": KDF(message_key, "fernet", m.header)}
        try:
            values["plaintext"] = Fernet(urlsafe_b64encode(values["fernet_key"])).decrypt(urlsafe_b64encode(m.token))
        except InvalidToken:
            raise Wrong("ErrDecrypt: the token does not open") from None
        values["sent_at"] = int.from_bytes(m.token[1:9], "big")
        values["messages"] = unpack(values["plaintext"])
        return values


def schedule(change, joiner_secret):
    """Section 11.2, from joiner_secret on."""
    context = u8(1) + (1).to_bytes(2, "big") + change.room + u64(change.epoch) + change.transcript
    context += H("roster", change.seats.encode_roster()) + H("policy", change.seats.encode_policy())
    epoch_secret = KDF(joiner_secret, "epoch", context)
    names = {"init": "init", "confirm": "confirm", "authenticator": "authenticator", "sender_root": "sender root"}
    values = {"joiner_secret": joiner_secret, "epoch_secret": epoch_secret}
    values |= {name: KDF(epoch_secret, label, b"") for name, label in names.items()}
    return values | {"tag": HMAC(values["confirm"], change.transcript)}

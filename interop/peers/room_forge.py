"""Random logs of rooms, right and wrong, with every signature that a check would want.

Nobody could read in these rooms: public rules look at no ciphertext, so KEM keys, entries and tokens
are random bytes. What a frame says is mostly as it should be and, at a rate drawn for each frame,
something else; so frames come to every check, and the rooms go on.
"""

import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import mlkem768
from room_rules import Room
from room_state import Serving, serve_group, serve_join
from room_wire import (
    BOX_SIZE,
    CIPHERTEXT_SIZE,
    COMMIT,
    CREATE,
    H,
    INVITE,
    JOIN,
    LEAVE,
    MESSAGE,
    REMOVE,
    RSA_BEGIN,
    RSA_END,
    SMALL_ORDER,
    ZEROS,
    Void,
    encode_set,
    public_of_seed,
    text,
    u8,
    u64,
    vec,
)

UNSOUND = [y.to_bytes(32, "little") for y in sorted(SMALL_ORDER)] + [(2**255 - 19 + y).to_bytes(32, "little") for y in (0, 1, 5)]
NAMES = [b"", b"x" * 64, b"x" * 65, b"\x1f", b"\x7f", b"\xc2\x80", b"\xc2\xa0", b"\xed\xa0\x80", b"\xc0\x80", b"\xff", "ö".encode()]


def vectors(frames):
    return b"".join(vec(2, f) for f in frames)


class Person:
    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.identity = public_of_seed(self.seed)


class Forge:
    def __init__(self, seed):
        self.rng, self.wrong = random.Random(seed), 0.0
        self.people = [Person(b"person %d" % i, self.rng.randbytes(32)) for i in range(10)]
        self.impostors = []
        self.signers, self.joins, self.removals, self.frames, self.transcripts, self.invites = {}, [], [], [], {}, {}

    def pick(self, right, *wrong):
        """What is right, or, at the rate of this frame, something else."""
        return self.rng.choice(wrong) if wrong and self.rng.random() < self.wrong else right

    def sign(self, seed, label, x):
        signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text(label, x))
        return self.pick(signature, self.damaged(signature), self.rng.randbytes(64), self.malleable(signature))

    def damaged(self, x):
        """x with a bit changed."""
        at = self.rng.randrange(8 * len(x)) if x else 0
        return x[: at // 8] + bytes(b ^ 1 << at % 8 for b in x[at // 8 : at // 8 + 1]) + x[at // 8 + 1 :]

    def malleable(self, signature):
        """The signature with S + L: right in all but that S is not below L."""
        s = int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493
        return signature[:32] + s.to_bytes(32, "little")

    def kem_key(self):
        good = self.any_kem_key()
        member = self.member()
        other = member.leaf.kem if member else good
        even = good[:-6] + bytes([good[-6] & 0xFE]) + good[-5:]
        short = good[: 1184 + 9] + b"\x7f" + good[1184 + 10 :]
        reduced = (3329 | 3328 << 12).to_bytes(3, "little") + good[3:]
        return self.pick(good, even, short, reduced, good[:-1], good + b"\x00", good[:-1] + b"\x03", b"", good[:1184], other)

    def any_kem_key(self):
        f = [[self.rng.randrange(mlkem768.Q) for _ in range(256)] for _ in range(3)]
        modulus = self.rng.getrandbits(2048) | 1 << 2047 | 1
        ek = b"".join(mlkem768.byte_encode(p, 12) for p in f) + self.rng.randbytes(32)
        return ek + RSA_BEGIN + modulus.to_bytes(256, "big") + RSA_END

    def member(self):
        roster = self.room.seats.roster if self.room and self.room.seats else {}
        return roster[self.rng.choice(sorted(roster))] if roster else None

    def impostor(self):
        """Somebody whose identity key is a leaf key of a member."""
        member = self.member()
        self.impostors.append(Person(b"impostor", self.signers[member.leaf.signing]))
        return self.impostors[-1]

    def leaf(self, person):
        """A leaf and its signing seed."""
        seed, other = self.rng.randbytes(32), self.member()
        taken = [self.signers.get(other.leaf.signing, seed)] if other else []
        seed = self.pick(seed, person.seed, self.rng.choice(self.people).seed, *taken)
        signing, identity = public_of_seed(seed), person.identity
        self.signers[signing] = seed
        signing = self.pick(signing, *UNSOUND)
        identity = self.pick(identity, *UNSOUND[:2], self.rng.choice(self.people).identity)
        name = self.pick(person.name, self.rng.choice(self.people).name, self.rng.choice(NAMES))
        body = self.pick(self.id, self.rng.randbytes(32)) + vec(1, name) + identity + signing + vec(2, self.kem_key())
        body += self.sign(person.seed, "sign leaf by identity", body)
        return body + self.sign(seed, "sign leaf by leaf key", body), seed

    def header(self, type):
        version, suite = self.pick(1, 0, 2), self.pick(1, 0, 2, 256)
        type = self.pick(type, *range(8))
        return u8(version) + suite.to_bytes(2, "big") + u8(type) + self.pick(self.id, self.rng.randbytes(32))

    def end(self, frame):
        """The frame, now and then cut off, longer or changed."""
        cut = frame[: self.rng.randrange(len(frame) + 1)]
        return self.pick(frame, cut, frame + b"\x00", self.damaged(frame))

    def create(self):
        creator, seed = self.people[0], self.rng.randbytes(32)
        invite = self.new_invite()
        admission = self.pick(self.rng.choice([1, 1, 2, 3]), 0, 4)
        head = vec(1, self.pick(b"room", *NAMES)) + u8(admission) + self.pick(invite, *UNSOUND)
        head += vec(1, self.pick(creator.name, b"other")) + self.pick(creator.identity, self.people[1].identity) + seed
        head = self.pick(head, head[:-1], head + b"\x00")
        self.id = H("room", head)
        leaf, signing = self.leaf(creator)
        frame = self.header(CREATE) + vec(2, self.pick(head, self.damaged(head))) + vec(2, leaf)
        return self.end(frame + self.sign(signing, "sign create", frame))

    def new_invite(self):
        seed = self.rng.randbytes(32)
        self.invites[public_of_seed(seed)] = seed
        return public_of_seed(seed)

    def epoch(self):
        """An epoch and its M, mostly the current ones."""
        e = self.room.epoch
        e = self.pick(e, max(e - 1, 0), max(e - self.rng.randrange(260), 0), max(e - 256, 0), max(e - 257, 0), e + 1, 2**64 - 1)
        return e, self.pick(self.transcripts.get(e, ZEROS), self.rng.randbytes(32))

    def join(self, person=None, early=False):
        seats = self.room.seats
        person = self.pick(person or self.rng.choice(self.people), self.impostor())
        e, m = self.epoch()
        if early:
            e = self.rng.randrange(self.room.epoch + 1)
            m = self.transcripts[e]
        leaf, signing = self.leaf(person)
        init = self.kem_key()
        init = self.pick(init, leaf[32 + 1 + leaf[32] + 64 + 2 :][:1454])
        frame = self.header(JOIN) + u64(e) + m + vec(2, leaf) + vec(2, init) + u64(self.rng.getrandbits(40))
        member = next((m for m in seats.roster.values() if m.leaf.identity == person.identity), None)
        if seats.admission == INVITE and not member or self.rng.randrange(4) == 0:
            seed = self.pick(self.invites[seats.invite_key], self.rng.choice(list(self.invites.values())))
            proof = self.sign(seed, "sign invite proof", frame)
            frame += vec(1, self.pick(proof, b"", proof[:-1], self.rng.randbytes(64)))
        else:
            frame += vec(1, b"")
        by_replaced = b""
        if member and self.rng.randrange(3):
            by_replaced = self.sign(self.signers[member.leaf.signing], "sign join by replaced leaf key", frame)
        frame += vec(1, self.pick(by_replaced, b"", self.rng.randbytes(64)))
        frame += self.sign(person.seed, "sign join by identity", frame)
        frame = self.end(frame + self.sign(signing, "sign join by leaf key", frame))
        self.joins.append(frame)
        return frame

    def removal(self):
        seats = self.room.seats
        admins = [m for m in seats.roster.values() if m.membership in seats.admins]
        signer, target = self.rng.choice(admins), self.member()
        if self.rng.randrange(2):
            frame = self.header(LEAVE) + self.pick(target.membership, self.rng.randbytes(32))
            seed = self.pick(self.signers[target.leaf.signing], self.signers[signer.leaf.signing])
            frame += self.sign(seed, "sign leave", frame)
        else:
            frame = self.remove(self.pick(signer, self.member()), target, self.rng.randrange(4) == 0)
        frame = self.end(frame)
        self.removals.append(frame)
        return frame

    def remove(self, signer, target, ban):
        who = self.pick(signer.membership, self.rng.randbytes(32)) + self.pick(target.membership, self.rng.randbytes(32))
        frame = self.header(REMOVE) + who + u8(self.pick(int(ban), 2))
        return frame + self.sign(self.signers[signer.leaf.signing], self.pick("sign remove", "sign leave"), frame)

    def groups(self, plain):
        """The frames that a Commit serves, by target, and others now and then."""
        seats = self.room.seats
        targets = list(dict.fromkeys(p.target for p in seats.pending))
        self.rng.shuffle(targets)
        groups = [[p.frame for p in seats.pending if p.target == t] for t in targets]
        if not plain and self.rng.randrange(8) == 0:
            groups.append([self.removal()])
        if self.rng.random() < self.wrong and self.removals:
            groups.insert(self.rng.randrange(len(groups) + 1), self.rng.choices(self.removals, k=self.rng.randrange(5)))
        groups = self.pick(groups, groups[:-1], groups[1:], groups + groups[-1:])
        for group in groups:
            self.rng.shuffle(group)
            group[:] = self.pick(group, group[:-1], group + group[:1], group + self.joins[-1:], group + self.removals[-1:])
        return groups

    def adds(self):
        if self.rng.randrange(4) == 0:
            return []
        recent = self.joins[-6:] + ([self.join()] if self.rng.randrange(2) else [])
        adds = self.rng.sample(recent, min(len(recent), 1 + self.rng.randrange(4)))
        return self.pick(adds, adds + adds[:1], adds + self.removals[-1:], adds + [self.join(early=True)], adds * 9)

    def servable(self, joins, committer, rotates):
        """Those of the Joins that can be served, mostly: else a Commit would seldom win."""
        seats = self.room.seats.all_served()
        serving = Serving(self.room.epoch, self.room.transcripts, self.room.used, committer, rotates)
        out = []
        for frame in joins:
            try:
                serve_join(frame, seats, serving)
                out.append(frame)
            except Void:
                out += self.pick([], [frame])
        return out

    def commit(self, plain=False, by=None, adds=None):
        """A Commit; a plain one serves what is pending, and adds, but changes nothing else."""
        seats = self.room.seats
        c = self.rng.choice(sorted(seats.roster)) if by is None else by
        member = seats.roster[c]
        admin = self.pick(member.membership in seats.admins, True) and not plain
        groups, adds = self.groups(plain), self.adds() if adds is None else adds
        removes = any(frame[3:4] == u8(REMOVE) for group in groups for frame in group)
        rotate = self.pick(removes or admin and self.rng.randrange(6) == 0, True, False)
        adds = adds if plain else self.servable(adds, c, rotate)
        e, m = self.epoch()
        body = self.header(COMMIT) + u64(e) + m + u8(self.pick(c, *range(8)))
        body += vec(3, b"".join(vec(3, vectors(group)) for group in groups)) + vec(3, vectors(adds))
        reached = self.reached(groups, adds, c)
        body += self.policy(admin and self.rng.randrange(5) == 0, reached)
        body += u8(self.pick(int(rotate), 2)) + (self.pick(self.new_invite(), seats.invite_key, *UNSOUND) if rotate else b"")
        body += self.unban(admin and self.rng.randrange(3) == 0, reached)
        person = next(p for p in self.people + self.impostors if p.identity == member.leaf.identity)
        leaf = self.leaf(self.pick(person, self.rng.choice(self.people)))[0] if not plain and self.rng.randrange(4) == 0 else b""
        others = [i for i in sorted(reached.roster) if i != c]
        others = self.pick(others, others[1:], others + [c], others[::-1], others + others[-1:], others + [200])
        tail = vec(3, b"".join(map(self.entry, others))) + vec(2, self.rng.randbytes(self.pick(BOX_SIZE, 59)))
        body += vec(2, leaf) + self.seen() + self.pick(H("entries", tail), self.rng.randbytes(32))
        body += self.rng.randbytes(32)
        return self.end(body + self.sign(self.signers[member.leaf.signing], "sign commit", body) + tail)

    def entry(self, index):
        ciphertext = self.rng.randbytes(self.pick(CIPHERTEXT_SIZE, 1343))
        return u8(index) + vec(2, ciphertext) + vec(2, self.rng.randbytes(self.pick(BOX_SIZE, 61)))

    def reached(self, groups, adds, committer):
        """The seats that the operations lead to, as far as they can be done."""
        seats = self.room.seats.copy()
        serving = Serving(self.room.epoch, self.room.transcripts, self.room.used, committer)
        try:
            for group in groups:
                serve_group(group, seats)
            for add in adds:
                serve_join(add, seats, serving)
        except (Void, KeyError):
            pass
        return seats

    def policy(self, changes, reached):
        members = [m.membership for m in reached.roster.values()]
        if not changes:
            return u8(self.pick(0, 1, 4)) + self.set([], members[:1])
        admins = self.rng.sample(members, self.rng.randrange(len(members) + 1))
        return u8(self.pick(self.rng.randrange(4), 4, 255)) + self.set(admins, admins + [self.rng.randbytes(32)])

    def set(self, right, *wrong):
        encoded = encode_set(self.pick(right, *wrong))
        twice = vec(2, b"".join(sorted(right + right[:1])))
        return self.pick(encoded, vec(2, encoded[2:] + b"\x00"), twice, vec(2, b"".join(sorted(right, reverse=True))))

    def unban(self, changes, reached):
        bans = sorted(reached.bans)
        some = self.rng.sample(bans, self.rng.randrange(len(bans) + 1)) if changes else []
        return self.set(some, some + [self.rng.randbytes(32)], bans[:1])

    def seen(self):
        n = self.rng.randrange(len(self.room.seen))
        n = self.pick(n, len(self.room.seen), 2**64 - 1)
        hash = self.room.seen[min(n, len(self.room.seen) - 1)]
        return u64(n) + self.pick(hash, self.rng.randbytes(32))

    def message(self):
        room, i = self.room, self.rng.choice(sorted(self.room.seats.roster))
        e, m = self.epoch()
        last = room.generations.get(i, 0)
        generation = self.pick(last + 1, last, 0, last + 2, last + 1000, last + 1001, 2**64 - 1)
        frame = self.header(MESSAGE) + u64(e) + m + u8(self.pick(i, *range(8))) + u64(generation)
        frame += self.pick(room.last.get(i, ZEROS), ZEROS) + self.seen() + self.pick(room.end or ZEROS, ZEROS)
        frame += vec(3, self.rng.randbytes(self.rng.randrange(self.pick(100, 2000))))
        return self.end(frame + self.sign(self.signers[room.seats.roster[i].leaf.signing], "sign message", frame))

    def append(self, frame):
        self.frames.append(frame)
        self.room.read(frame)
        if self.room.epoch is not None:
            self.transcripts[self.room.epoch] = self.room.transcripts[self.room.epoch]

    def step(self):
        self.wrong = self.rng.choice([0, 0, 0, 0.01, 0.02, 0.05, 0.1])
        removals = 3 if len(self.room.seats.roster) > 4 else 0.5
        kinds = [self.join, self.removal, self.commit, self.message, self.again, self.noise]
        self.append(self.rng.choices(kinds, [6, removals, 6, 4, 1, 1])[0]())

    def again(self):
        return self.rng.choice(self.frames)

    def noise(self):
        return self.pick(self.rng.randbytes(self.rng.randrange(200)), self.damaged(self.again()), b"", bytes(36))


def begin(seed):
    """A room with its Create, and wrong ones before it."""
    f = Forge(seed)
    f.room, before = None, []
    for rate in (0.05, 0.2):
        f.wrong = rate
        before.append(f.create())
    f.wrong = 0
    create = f.create()
    f.room = Room(f.id)
    for frame in [b"", bytes(2000), *before, create[:-1], b"\x01\x00\x01\x06" + f.id, create]:
        f.append(frame)
    return f


def wrong_creates(seed, count):
    """Rooms, each with a Create that is mostly wrong."""
    for i in range(count):
        f = Forge(f"{seed}/{i}")
        f.room, f.wrong = None, 0.08
        frame = f.create()
        yield {"room": f.id.hex(), "frames": [frame]}


def forge(seed, size):
    f = begin(seed)
    while len(f.frames) < size:
        f.step()
    return {"room": f.id.hex(), "frames": f.frames}


def by(f):
    """A member who may commit."""
    return next(i for i, m in f.room.seats.roster.items() if not f.room.seats.pending_against(m.membership))


def age(seed):
    """A log of more epochs than a Join may be old."""
    f = begin(seed)
    for _ in range(40):
        f.step()
    for _ in range(262):
        f.wrong = 0
        f.append(f.commit(plain=True, by=by(f), adds=[]))
        if f.rng.randrange(20) == 0:
            f.append(f.join())
    for _ in range(40):
        f.wrong = 0.05
        f.append(f.join(early=f.rng.randrange(2) == 0))
        f.step()
    return {"room": f.id.hex(), "frames": f.frames}


def crowd(seed):
    """A log with as many members, and then as many bans, as there can be, and more."""
    f = begin(seed)
    f.people += [Person(b"one of many %d" % i, f.rng.randbytes(32)) for i in range(290)]
    f.people_left = iter(f.people[1:])
    people = iter(f.people[1:])
    for size in [16] * 15 + [17, 15, 2, 1]:
        f.append(f.commit(plain=True, by=0, adds=[f.join(next(people)) for _ in range(size)]))
    for _ in range(3):
        for m in [m for i, m in f.room.seats.roster.items() if i]:
            f.append(f.remove(f.room.seats.roster[0], m, ban=True))
        f.append(f.commit(plain=True, by=0, adds=[]))
        f.append(f.commit(plain=True, by=0, adds=[f.join(next(people))]))
    return {"room": f.id.hex(), "frames": f.frames}


KINDS = {
    "random": lambda seed: [forge(seed, 300)],
    "age": lambda seed: [age(seed)],
    "crowd": lambda seed: [crowd(seed)],
    "create": lambda seed: list(wrong_creates(seed, 100)),
}

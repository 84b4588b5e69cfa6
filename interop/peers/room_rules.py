"""The public rules of a room: what each frame of a log is, in order (spec/room-v1.md, sections 9 and 10)."""

from dataclasses import dataclass, field

from room_frames import parse_commit, parse_create, parse_create_header, parse_message
from room_state import (
    Member,
    Seats,
    Serving,
    departure,
    is_fresh,
    judge_join,
    read_join,
    serve_group,
    serve_join,
    signed_by_replaced,
)
from room_wire import (
    ADMISSIONS,
    COMMIT,
    CREATE,
    HEADER_SIZE,
    H,
    JOIN,
    JOIN_WINDOW,
    MAX_SKIP,
    MESSAGE,
    REMOVE,
    TYPES,
    ZEROS,
    Void,
    is_name,
    is_sound,
    judge_header,
    judge_leaf,
    require,
    u8,
    vec,
    verifies,
)

WINDOW = 256
"""Epochs before the current one whose M is remembered."""


@dataclass
class Outcome:
    """What a frame is at its place, and what readers report of it (section 10)."""

    position: int
    type: str
    size: int
    hash: bytes
    reason: str = None
    check: str = None
    detail: str = ""
    gaps: list = field(default_factory=list)
    """How many generations of the sender, whether its previous Message, and how many Messages that it had read are not here."""
    forks: list = field(default_factory=list)
    """Whom the frame accuses of another history, and why."""
    about: dict = field(default_factory=dict)
    signatures: list = field(default_factory=list)
    message: object = None
    change: object = None

    def is_valid(self):
        return self.reason is None


@dataclass
class Change:
    """A Create or a Commit that won: what the key schedule needs of it."""

    epoch: int
    room: bytes
    transcript: bytes
    transcript_before: bytes = None
    before: Seats = None
    seats: Seats = None
    commit: object = None
    joins: dict = field(default_factory=dict)


class Room:
    """A reader of a log, who knows no keys."""

    def __init__(self, room):
        self.room, self.position, self.epoch, self.seats = room, 0, None, None
        self.transcripts, self.used = {}, {}
        self.generations, self.positions, self.last, self.seen, self.end = {}, {}, {}, [], None

    def read(self, frame):
        self.position += 1
        type = TYPES.get(frame[3], "unknown") if len(frame) >= HEADER_SIZE else "unknown"
        outcome = Outcome(self.position, type, len(frame), H("frame", frame))
        try:
            self.judge(frame, outcome)
        except Void as v:
            outcome.reason, outcome.check, outcome.detail = v.reason, v.check, v.detail
            self.look_for_fork(frame, outcome)
        return outcome

    def judge(self, frame, outcome):
        type = judge_header(frame, self.room)
        require(self.seats or type == CREATE, "ErrNotCreated", "9.1/7")
        require(not self.seats or type != CREATE, "ErrCreated", "9.1/8")
        if type == CREATE:
            self.create(frame, outcome)
        elif type == JOIN:
            self.join(frame, outcome)
        elif type == COMMIT:
            self.commit(frame, outcome)
        elif type == MESSAGE:
            self.message(frame, outcome)
        else:
            self.removal(frame, outcome)

    def create(self, frame, outcome):
        """Section 9.2."""
        create = parse_create(frame, "9.2/1")
        require(H("room", create.header) == self.room, "ErrWrongRoom", "9.2/2")
        header = parse_create_header(create.header, "9.2/3")
        require(is_name(header.room_name) and is_name(header.creator), "ErrName", "9.2/4")
        require(is_sound(header.invite_key), "ErrKey", "9.2/5")
        try:
            leaf = judge_leaf(create.leaf, self.room)
        except Void as v:
            raise v.within("9.2/6") from None
        require((header.creator, header.identity) == (leaf.name, leaf.identity), "ErrKey", "9.2/7")
        require(verifies(leaf.signing, "sign create", frame[:-64], create.signature), "ErrSignature", "9.2/8")
        membership = outcome.hash
        self.seats = Seats(self.room, {0: Member(leaf, membership, 0)}, header.admission, header.invite_key, {membership}, (), ())
        self.begin(0, H("transcript", ZEROS + vec(3, frame)))
        outcome.about = {"room": header.room_name, "creator": leaf.name, "admission": ADMISSIONS[header.admission]}
        outcome.signatures = ["leaf by identity", "leaf by leaf key", "create"]
        outcome.change = Change(0, self.room, self.transcripts[0], seats=self.seats)

    def begin(self, epoch, transcript):
        self.epoch, self.transcripts[epoch] = epoch, transcript
        self.transcripts.pop(epoch - WINDOW - 1, None)
        self.used = {k: u for k, u in self.used.items() if epoch - u <= JOIN_WINDOW}
        self.end = self.seen[-1] if self.seen else None
        self.seen = [H("seen start", transcript)]
        self.generations, self.positions = {}, {}

    def join(self, frame, outcome):
        """Section 9.3: whether a Commit could serve it."""
        rotates = any(p.type == REMOVE for p in self.seats.pending)
        serving = Serving(self.epoch, self.transcripts, self.used, rotates=rotates)
        join, leaf, seat = judge_join(frame, self.seats.all_served(), serving)
        outcome.about = {"name": leaf.name, "identity": leaf.identity, "epoch": join.epoch}
        outcome.about |= {"proof": bool(join.proof), "expiry": join.expiry, "rejoin": seat is not None}
        outcome.signatures = ["leaf by identity", "leaf by leaf key", "join by identity", "join by leaf key"]
        outcome.signatures += ["invite proof"] if join.proof else []

    def removal(self, frame, outcome):
        """Section 9.4."""
        removal = self.seats.judge_removal(frame)
        self.seats.pending.append(removal)
        signer, target = self.seats.member(removal.signer), self.seats.member(removal.target)
        outcome.about = {"signer": signer.leaf.name, "target": target.leaf.name, "ban": removal.ban}
        outcome.signatures = ["by the signer"]

    def know(self, epoch, transcript, check):
        """Rows 2 and 3 of 9.5 and of 9.6."""
        right = epoch not in self.transcripts or self.transcripts[epoch] == transcript
        require(right, "ErrTranscript", f"{check}/2", f"M of epoch {epoch}")
        require(epoch == self.epoch, "ErrEpoch", f"{check}/3", f"epoch {epoch}, not {self.epoch}")

    def commit(self, frame, outcome):
        """Section 9.5."""
        c = parse_commit(frame, "9.5/1")
        self.know(c.epoch, c.transcript, "9.5")
        require(c.committer in self.seats.roster, "ErrNotMember", "9.5/4", f"index {c.committer}")
        committer = self.seats.roster[c.committer]
        require(verifies(committer.leaf.signing, "sign commit", c.signed, c.signature), "ErrSignature", "9.5/5")
        require(not self.seats.pending_against(committer.membership), "ErrPending", "9.5/6")
        require(H("entries", c.tail) == c.tail_hash, "ErrEntries", "9.5/7")
        seats, departed, removes = self.seats.copy(), [], False
        for group in c.removes:
            identity, by_remove = within("9.5/8", serve_group, group, seats)
            departed.append(identity)
            removes = removes or by_remove
        require(not seats.pending, "ErrUnserved", "9.5/9")
        serving = Serving(self.epoch, self.transcripts, self.used, c.committer, c.rotate)
        served = [within("9.5/10", serve_join, add, seats, serving) for add in c.adds]
        require(seats.roster.get(c.committer) == committer, "ErrPending", "9.5/11")
        judge_policy(c, seats, removes)
        if c.new_leaf:
            replace_leaf(c, seats, committer)
        others = [i for i in sorted(seats.roster) if i != c.committer]
        require([e.index for e in c.entries] == others, "ErrRecipientSet", "9.5/14")
        outcome.about = {"committer": committer.leaf.name, "removes": departed_names(self.seats, departed)}
        outcome.about |= {"adds": added(served, seats), "rotates": c.rotate, "new leaf": bool(c.new_leaf), "policy": bool(c.admission or c.admins or c.unban)}
        outcome.signatures = ["commit"] + [f"of {len(group)} removes" for group in c.removes] + ["of a join"] * len(c.adds)
        outcome.signatures += ["new leaf by identity", "new leaf by leaf key"] if c.new_leaf else []
        self.report_seen(c, c.committer, outcome)
        self.win(c, seats, serving, departed, served, outcome)

    def win(self, c, seats, serving, departed, served, outcome):
        e, before = self.epoch, self.seats
        self.used |= {departure(identity): e for identity in departed} | {hash: e for hash in serving.hashes}
        for index in [i for i in before.roster if i not in seats.roster] + [index for index, _, _ in served]:
            self.last.pop(index, None)
        transcript = H("transcript", self.transcripts[e] + vec(3, c.body))
        self.seats = seats
        joins = {index: join for index, join, _ in served}
        outcome.change = Change(e + 1, self.room, transcript, self.transcripts[e], before, seats, c, joins)
        self.begin(e + 1, transcript)

    def message(self, frame, outcome):
        """Section 9.6."""
        m = parse_message(frame, "9.6/1")
        self.know(m.epoch, m.transcript, "9.6")
        require(m.sender in self.seats.roster, "ErrNotMember", "9.6/4", f"index {m.sender}")
        sender, last = self.seats.roster[m.sender], self.generations.get(m.sender, 0)
        require(m.generation > last, "ErrReplay", "9.6/5", f"generation {m.generation}, not above {last}")
        require(m.generation <= last + MAX_SKIP, "ErrTooFar", "9.6/6", f"generation {m.generation} after {last}")
        require(verifies(sender.leaf.signing, "sign message", m.signed, m.signature), "ErrSignature", "9.6/7")
        outcome.about = {"sender": sender.leaf.name, "index": m.sender, "generation": m.generation}
        outcome.message, outcome.signatures = m, ["message"]
        self.report_message(m, sender, last, outcome)
        self.generations[m.sender], self.positions[m.sender], self.last[m.sender] = m.generation, self.position, outcome.hash
        self.seen.append(H("seen", self.seen[-1] + outcome.hash))

    def report_message(self, m, sender, last, outcome):
        skipped, other = m.generation - last - 1, m.previous != self.last.get(m.sender, ZEROS)
        if skipped or other:
            outcome.gaps.append({"generations": skipped, "previous": other, "ahead": 0})
        if m.end != self.end and sender.since != self.epoch:
            outcome.forks.append((sender.leaf.identity, "the epoch before ended otherwise for the sender"))
        else:
            self.report_seen(m, m.sender, outcome)

    def report_seen(self, frame, index, outcome):
        count = len(self.seen) - 1
        if frame.seen_count > count:
            outcome.gaps.append({"generations": 0, "previous": False, "ahead": frame.seen_count - count})
        elif frame.seen_hash != self.seen[frame.seen_count]:
            signer = self.seats.roster[index].leaf.identity
            outcome.forks.append((signer, f"the signer has seen other Messages, {frame.seen_count} of them"))

    def look_for_fork(self, frame, outcome):
        """What a void Commit, Message or Join tells of another log."""
        if not self.seats or len(frame) < 4:
            return
        try:
            type = judge_header(frame, self.room)
            signer = {COMMIT: self.signer_of_commit, MESSAGE: self.signer_of_message, JOIN: self.signer_of_join}[type]
            accused, epoch, transcript = signer(frame)
        except (Void, KeyError):
            return
        other = self.transcripts.get(epoch, transcript) != transcript
        if accused and (other or type != JOIN and epoch > self.epoch):
            outcome.forks.append((accused, f"the signer is in another history at epoch {epoch}"))

    def signer_of_commit(self, frame):
        c = parse_commit(frame, "10")
        return self.signed_by(c.committer, "sign commit", c), c.epoch, c.transcript

    def signer_of_message(self, frame):
        m = parse_message(frame, "10")
        return self.signed_by(m.sender, "sign message", m), m.epoch, m.transcript

    def signed_by(self, index, label, frame):
        """The identity at the index, if its leaf signed."""
        member = self.seats.roster.get(index)
        return member.leaf.identity if member and verifies(member.leaf.signing, label, frame.signed, frame.signature) else None

    def signer_of_join(self, frame):
        join, leaf = read_join(frame, self.room)
        for member in self.seats.roster.values():
            if member.leaf.identity == leaf.identity and signed_by_replaced(join, member):
                return leaf.identity, join.epoch, join.transcript
        return None, 0, ZEROS

    def ranks(self):
        """The hash of section 14.3 for every member of the epoch."""
        return {i: H("rank", self.transcripts[self.epoch] + u8(i)) for i in sorted(self.seats.roster)}


def within(check, judge, *args):
    try:
        return judge(*args)
    except Void as v:
        raise v.within(check) from None


def judge_policy(c, seats, removes):
    """The policy of a Commit, and what it changes."""
    admin = seats.is_admin(c.committer)
    changes = c.admission or c.admins or c.unban
    require(not changes or admin, "ErrNotAdmin", "9.5/12 > 9.5 policy/1")
    require(c.admission == 0 or c.admission in ADMISSIONS, "ErrOperation", "9.5/12 > 9.5 policy/2", f"admission {c.admission}")
    require(c.rotate if removes else not c.rotate or admin, "ErrRotation", "9.5/12 > 9.5 policy/3")
    fresh = not c.rotate or is_sound(c.invite_key) and c.invite_key != seats.invite_key
    require(fresh, "ErrKey", "9.5/12 > 9.5 policy/4")
    require(all(seats.member(a) for a in c.admins), "ErrOperation", "9.5/12 > 9.5 policy/5")
    require(all(u in seats.bans for u in c.unban), "ErrOperation", "9.5/12 > 9.5 policy/6")
    seats.admission = c.admission or seats.admission
    seats.admins = set(c.admins) or seats.admins
    seats.bans -= set(c.unban)
    seats.invite_key = c.invite_key or seats.invite_key


def replace_leaf(c, seats, committer):
    """The new leaf of a Commit."""
    leaf = within("9.5/13 > 9.5 new leaf/1", judge_leaf, c.new_leaf, seats.room)
    same = (leaf.name, leaf.identity) == (committer.leaf.name, committer.leaf.identity)
    require(same, "ErrNameTaken", "9.5/13 > 9.5 new leaf/2")
    fresh = all(is_fresh(m, leaf.signing, leaf.identity, (leaf.kem,)) for m in seats.roster.values())
    require(fresh, "ErrKey", "9.5/13 > 9.5 new leaf/3")
    seats.roster[c.committer] = Member(leaf, committer.membership, committer.since)


def departed_names(seats, identities):
    return [m.leaf.name for m in seats.roster.values() if m.leaf.identity in identities]


def added(served, seats):
    return [{"index": index, "name": seats.roster[index].leaf.name, "as": how} for index, _, how in served]

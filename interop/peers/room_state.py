"""The public state of a room, and the operations of Commits on it (spec/room-v1.md, sections 6 and 8, 9.3 to 9.5)."""

from dataclasses import dataclass, replace

from room_frames import parse_join, parse_removal
from room_wire import (
    ADMINS,
    H,
    INVITE,
    JOIN,
    JOIN_WINDOW,
    LEAVE,
    MAX_BANS,
    MAX_MEMBERS,
    REMOVE,
    Leaf,
    Void,
    encode_set,
    is_well_formed,
    judge_header,
    judge_leaf,
    require,
    u8,
    verifies,
)


@dataclass(frozen=True)
class Member:
    leaf: Leaf
    membership: bytes
    since: int


def departure(identity):
    return H("departure", identity)


def is_fresh(member, signing, identity, kem_keys):
    """Row 11 of 9.3 against one member."""
    old = member.leaf
    return signing not in (old.signing, old.identity) and identity != old.signing and old.kem not in kem_keys


class Seats:
    """Who is in the room, by which policy, and what is pending: what the operations of a Commit change."""

    def __init__(self, room, roster, admission, invite_key, admins, bans, pending):
        self.room, self.roster, self.admission, self.invite_key = room, dict(roster), admission, invite_key
        self.admins, self.bans, self.pending = set(admins), set(bans), list(pending)

    def copy(self):
        return Seats(self.room, self.roster, self.admission, self.invite_key, self.admins, self.bans, self.pending)

    def encode_roster(self):
        return b"".join(u8(i) + m.membership + m.leaf.hash() for i, m in sorted(self.roster.items()))

    def encode_policy(self):
        return u8(self.admission) + self.invite_key + encode_set(self.admins) + encode_set(self.bans)

    def index_of(self, membership):
        """The index that the membership has, or None."""
        return next((i for i, m in self.roster.items() if m.membership == membership), None)

    def member(self, membership):
        return self.roster.get(self.index_of(membership))

    def is_admin(self, index):
        return index in self.roster and self.roster[index].membership in self.admins

    def pending_against(self, membership):
        return [p for p in self.pending if p.target == membership]

    def remove(self, membership):
        """The identity that leaves, with everything pending against it served."""
        index = self.index_of(membership)
        identity = self.roster.pop(index).leaf.identity
        self.admins.discard(membership)
        if any(p.ban for p in self.pending_against(membership)):
            self.bans.add(identity)
        self.pending = [p for p in self.pending if p.target != membership]
        return identity

    def all_served(self):
        """The same seats with everything pending done."""
        seats = self.copy()
        for membership in {p.target for p in self.pending}:
            seats.remove(membership)
        return seats

    def judge_removal(self, frame):
        """The Leave or Remove, by the checks of 9.4. It is for the caller to make it pending."""
        removal = parse_removal(frame, "9.4/1")
        signer, target = self.member(removal.signer), self.member(removal.target)
        require(signer is not None, "ErrNotMember", "9.4/2", "the signer")
        require(target is not None, "ErrNotMember", "9.4/3", "the target")
        require(removal.type == LEAVE or removal.signer in self.admins, "ErrNotAdmin", "9.4/4")
        require(not self.pending_against(removal.signer), "ErrPending", "9.4/5")
        kinds = [p.kind() for p in self.pending_against(removal.target)]
        require(removal.kind() not in kinds, "ErrRepeated", "9.4/6")
        remain = {a for a in self.admins if a != removal.target and not self.pending_against(a)}
        require(remain, "ErrLastAdmin", "9.4/7")
        bans = self.bans | {self.member(p.target).leaf.identity for p in self.pending if p.ban}
        require(not removal.ban or len(bans | {target.leaf.identity}) <= MAX_BANS, "ErrFull", "9.4/8")
        require(removal.verifies(signer.leaf.signing), "ErrSignature", "9.4/9")
        return removal


@dataclass
class Serving:
    """The Commit that serves a Join, so far: of a Join by itself, one that anybody may make."""

    epoch: int
    transcripts: dict
    used: dict
    committer: int = None
    rotates: bool = False
    hashes: tuple = ()
    identities: tuple = ()


def read_join(frame, room):
    """The Join and its leaf: rows 1 to 5 of 9.3, which need no state."""
    require(judge_header(frame, room) == JOIN, "ErrType", "9.3/1")
    join = parse_join(frame, "9.3/2")
    try:
        leaf = judge_leaf(join.leaf, room)
    except Void as v:
        raise v.within("9.3/3") from None
    require(is_well_formed(join.init_key) and join.init_key != leaf.kem, "ErrKey", "9.3/4")
    signed = verifies(leaf.identity, "sign join by identity", frame[:-128], join.by_identity)
    require(signed, "ErrSignature", "9.3/5", "by identity")
    require(verifies(leaf.signing, "sign join by leaf key", frame[:-64], join.by_leaf), "ErrSignature", "9.3/5", "by leaf key")
    return join, leaf


def signed_by_replaced(join, member):
    """Whether the leaf key that the member has signed the Join."""
    return verifies(member.leaf.signing, "sign join by replaced leaf key", join.before_replaced(), join.by_replaced)


def judge_join(frame, seats, serving):
    """The Join and its leaf, and the index of the member that rejoins by it or None: the checks of 9.3."""
    join, leaf = read_join(frame, seats.room)
    e = serving.epoch
    require(join.epoch <= e, "ErrEpoch", "9.3/6", f"epoch {join.epoch}")
    require(e - join.epoch <= JOIN_WINDOW, "ErrJoinExpired", "9.3/7", f"epoch {join.epoch}")
    require(join.transcript == serving.transcripts[join.epoch], "ErrTranscript", "9.3/8", f"M of epoch {join.epoch}")
    hash = H("frame", frame)
    twice = hash in serving.used or hash in serving.hashes or leaf.identity in serving.identities
    require(not twice, "ErrJoinUsed", "9.3/9")
    require(serving.used.get(departure(leaf.identity), -1) < join.epoch, "ErrJoinExpired", "9.3/9a")
    members = seats.roster.values()
    matches = {(m.leaf.name == leaf.name, m.leaf.identity == leaf.identity) for m in members}
    require(not matches & {(True, False), (False, True)}, "ErrNameTaken", "9.3/10")
    fresh = all(is_fresh(m, leaf.signing, leaf.identity, (leaf.kem, join.init_key)) for m in members)
    require(fresh, "ErrKey", "9.3/11")
    require(not (join.proof and serving.rotates), "ErrInviteExpired", "9.3/12")
    proven = not join.proof or verifies(seats.invite_key, "sign invite proof", join.before_proof(), join.proof)
    require(proven, "ErrInvite", "9.3/13")
    seat = next((i for i, m in seats.roster.items() if m.leaf.identity == leaf.identity), None)
    if seat is not None:
        require(seat != serving.committer, "ErrOperation", "9.3 rejoin/14")
        require(join.epoch >= seats.roster[seat].since, "ErrJoinExpired", "9.3 rejoin/14a")
    else:
        judge_admission(join, leaf, seats, serving)
    return join, leaf, seat


def judge_admission(join, leaf, seats, serving):
    require(leaf.identity not in seats.bans, "ErrBanned", "9.3 admission/14")
    require(seats.admission != INVITE or join.proof, "ErrInviteNeeded", "9.3 admission/15")
    may = seats.admission != ADMINS or serving.committer is None or seats.is_admin(serving.committer)
    require(may, "ErrNotAdmin", "9.3 admission/16")
    require(len(seats.roster) < MAX_MEMBERS, "ErrFull", "9.3 admission/17")


def serve_join(frame, seats, serving):
    """Does the Join: its index and its leaf in seats, the Join and what it is."""
    join, leaf, seat = judge_join(frame, seats, serving)
    since = serving.epoch + 1
    serving.hashes += (H("frame", frame),)
    serving.identities += (leaf.identity,)
    if seat is None:
        index = next(i for i in range(MAX_MEMBERS) if i not in seats.roster)
        seats.roster[index] = Member(leaf, H("frame", frame), since)
        return index, join, "admission"
    old = seats.roster[seat]
    seats.roster[seat] = replace(old, leaf=leaf, since=since)
    if signed_by_replaced(join, old):
        return seat, join, "rejoin"
    if seats.admins != {old.membership}:
        seats.admins.discard(old.membership)
    return seat, join, "rejoin by a new device"


def serve_group(group, seats):
    """Does a group of removes: who leaves, and whether a Remove is among the frames."""
    target, removals = None, []
    for frame in group:
        type = judge_header(frame, seats.room)
        require(type in (LEAVE, REMOVE), "ErrType", "9.5 removes/2")
        removal = parse_removal(frame, "9.5 removes/3")
        target = target or removal.target
        twice = any(r.frame == frame for r in removals)
        require(removal.target == target and not twice, "ErrOperation", "9.5 removes/4")
        if all(p.frame != frame for p in seats.pending):
            seats.pending.append(judge_inline(frame, seats))
        removals.append(removal)
    frames = {r.frame for r in removals}
    served = all(p.frame in frames for p in seats.pending_against(target))
    require(served, "ErrUnserved", "9.5 removes/6")
    return seats.remove(target), any(r.type == REMOVE for r in removals)


def judge_inline(frame, seats):
    try:
        return seats.judge_removal(frame)
    except Void as v:
        raise v.within("9.5 removes/5") from None


"""The self-test of envelope.py: known answers, all combinations, damage, and every check of section 6."""

import json
import os
import zlib
from base64 import b64decode
from functools import lru_cache
from hashlib import sha256, sha512
from itertools import combinations
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import argon2id
import cobblestone
import compositekem
import envelope
import envelope_stanza
import envelope_text
import envelope_trailer
from envelope_header import (
    COMPOSITE,
    MAGIC,
    PASSPHRASE,
    RSA,
    SHARED,
    EnvelopeError,
    Stanza,
    context,
    header_mac,
    keys,
    make_header,
    make_preamble,
    parse,
    stanzas_hash,
)
from envelope_stanza import CompositeIdentity, CompositeRecipient, Passphrase, RSAIdentity, RSARecipient, SharedKey, Unusable

VECTORS = Path(__file__).resolve().parents[2] / "testdata" / "vectors"
SEED = bytes(range(32))
SENDER = envelope_trailer.public_of_seed(SEED)
ID = bytes(32)
FILE_KEY = bytes([7]) * 32
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def vectors(name):
    return json.loads((VECTORS / name).read_text())


def outcome(function, *args, **named):
    """The result, or the name of what was raised."""
    try:
        return function(*args, **named)
    except (EnvelopeError, Unusable, cobblestone.Refused, compositekem.Refused) as e:
        return type(e).__name__


def expect(want, function, *args, **named):
    got = outcome(function, *args, **named)
    name = got if isinstance(got, str) else "success"
    assert name == want, f"want {want}, have {name}"


# Known answers


def test_argon2id():
    """RFC 9106, section 5.3."""
    tag = argon2id.pure(b"\1" * 32, b"\2" * 16, 3, 32, 4, 32, b"\3" * 8, b"\4" * 12)
    assert tag.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


def test_composite():
    cases = vectors("composite-mlkem.json")["tests"]
    assert cases
    for case in cases:
        dk, ek, c, k = (b64decode(case[name]) for name in ("dk", "ek", "c", "k"))
        assert compositekem.decapsulate(dk, c) == k and compositekem.public_of_private(dk) == ek
        assert compositekem.public_of_spki(compositekem.spki_of(ek)) == ek
        assert compositekem.decapsulate(dk, c[:9] + bytes([c[9] ^ 1]) + c[10:]) != k
        expect("Refused", compositekem.decapsulate, dk, c[:-1] + bytes([c[-1] ^ 1]))


def test_cobblestone():
    count = 0
    for group in vectors("cobblestone-128.json")["testGroups"]:
        for case in group["tests"]:
            check_cobblestone(case)
            count += 1
    assert count >= 35


def check_cobblestone(case):
    key, ctx, sealed = bytes.fromhex(case["key"]), bytes.fromhex(case["ctx"]), zlib.decompress(bytes.fromhex(case["ct"]))
    message = outcome(cobblestone.open, key, ctx, sealed)
    if case["result"] == "invalid":
        assert message == "Refused", case["comment"]
        return
    assert sha512(message).hexdigest() == case["msgSha512"], case["comment"]
    assert cobblestone.seal(key, ctx, message, sealed[: cobblestone.SALT]) == sealed, case["comment"]


def test_sound_points():
    order8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    small = [(1).to_bytes(32, "little"), bytes(32), (envelope_trailer.P - 1).to_bytes(32, "little"), order8]
    large = [(envelope_trailer.P + i).to_bytes(32, "little") for i in range(19)]
    negative_zero = [(1 | 1 << 255).to_bytes(32, "little"), (envelope_trailer.P - 1 | 1 << 255).to_bytes(32, "little")]
    assert not any(map(envelope_trailer.is_sound, small + large + negative_zero))
    assert all(envelope_trailer.is_sound(envelope_trailer.public_of_seed(os.urandom(32))) for _ in range(50))


# Keys


@lru_cache(maxsize=None)
def rsa_key(bits, nth=0):
    return rsa.generate_private_key(65537, bits)


def private_bytes(key, form):
    return key.private_bytes(Encoding.DER, form, NoEncryption())


def rsa_pair(bits, nth=0):
    key = rsa_key(bits, nth)
    return RSARecipient(envelope_stanza.spki_of(key.public_key())), RSAIdentity(private_bytes(key, PrivateFormat.PKCS8))


@lru_cache(maxsize=None)
def composite_private(bits, nth=0):
    return os.urandom(64) + private_bytes(rsa_key(bits, 100 + nth), PrivateFormat.TraditionalOpenSSL)


def composite_pair(bits, nth=0):
    private = composite_private(bits, nth)
    return CompositeRecipient(compositekem.spki_of(compositekem.public_of_private(private))), CompositeIdentity(private)


def shared_pair(n=0):
    key = SharedKey(bytes([n]) * 32)
    return key, key


def passphrase_pair(passphrase=b"correct horse", **parameters):
    p = Passphrase(passphrase, **(parameters or {"time": 1, "memory": 16, "parallelism": 2}))
    return p, p


@lru_cache(maxsize=None)
def pairs():
    """One recipient and its reader of each kind that may stand beside others."""
    return [rsa_pair(2048), rsa_pair(2056), composite_pair(2048), composite_pair(3072), composite_pair(4096), shared_pair(1)]


def strangers():
    return [rsa_pair(2048, 1)[1], composite_pair(2048, 1)[1], shared_pair(99)[1]]


def lone_passphrases():
    argon2 = [passphrase_pair(time=t, memory=m, parallelism=p) for t, m, p in ((1, 8, 1), (2, 64, 4), (1, 128, 16))]
    return argon2 + [passphrase_pair(kdf=2, time=n, memory=0, parallelism=0) for n in (1, 1000)]


# Combinations


def test_combinations():
    for size in (1, 2, len(pairs())):
        for chosen in combinations(pairs(), size):
            for hide in (False, True):
                for signer in (None, SEED):
                    check_round_trip(chosen, hide, signer)
    for pair in lone_passphrases():
        check_round_trip([pair], False, SEED)


def check_round_trip(chosen, hide, signer):
    to = [recipient for recipient, _ in chosen]
    sealed = envelope.seal(b"message", to, b"metadata", b"associated", hide, signer, mixed=True)
    assert envelope.of_text(envelope_text.armor(sealed)) == sealed
    senders = [SENDER] if signer else None
    for _, reader in chosen:
        opened = envelope.open(sealed, [*strangers(), reader], b"associated", senders)
        assert (opened.plaintext, opened.metadata, opened.sender) == (b"message", b"metadata", SENDER if signer else None)
    closed = "ErrNoMatch" if hide else "ErrStanza"
    closed = "ErrStanza" if reader.type == PASSPHRASE else closed
    expect(closed, envelope.open, sealed, [reader], b"other", senders)
    expect("ErrNoMatch", envelope.open, sealed, strangers(), b"associated", senders)
    shown = [s.key_id for s in envelope.inspect(sealed).stanzas if s.type != PASSPHRASE]
    assert all(bool(key_id) != hide for key_id in shown)


def test_sizes():
    recipient, reader = shared_pair()
    for size in (0, 1, 16383, 16384, 16385, 32768, 40000):
        for signer in (None, SEED):
            message = os.urandom(size)
            assert envelope.open(envelope.seal(message, [recipient], signer=signer), [reader]).plaintext == message
    many = [shared_pair(n)[0] for n in range(200)]
    assert envelope.open(envelope.seal(b"x", many, b"m" * 65535), [reader]).metadata == b"m" * 65535


def test_many_stanzas():
    recipients = [SharedKey(n.to_bytes(32, "big")) for n in range(4097)]
    sealed = envelope.seal(b"x", recipients[:4096])
    assert envelope.open(sealed, [recipients[4095]]).plaintext == b"x"
    expect("Unusable", envelope.seal, b"x", recipients)
    stanzas = sorted(r.wrap(FILE_KEY, ID, False).encode() for r in recipients)
    expect("ErrLimit", envelope.inspect, forge(stanzas))
    stanzas[3], stanzas[4] = stanzas[4], stanzas[3]
    expect("ErrMalformed", envelope.inspect, forge(stanzas))


def test_writer_refuses():
    (rsa_only, _), _, (composite, _), _, _, (shared, _) = pairs()
    phrase = passphrase_pair()[0]
    for refused in ([], [rsa_only, composite], [rsa_only, shared], [phrase, shared], [phrase, phrase], [shared, shared]):
        for hide in (False, True):
            expect("Unusable", envelope.seal, b"", refused, hide=hide)
    expect("success", envelope.seal, b"", [rsa_only, rsa_pair(2048, 1)[0]])
    expect("success", envelope.seal, b"", [composite, shared])
    expect("Unusable", envelope.seal, b"", [shared], b"m" * 65536)
    expect("Unusable", Passphrase, b"")
    expect("Unusable", SharedKey, bytes(31))
    expect("Unusable", Passphrase, b"x", 1, 3, 31, 4)
    small = rsa.generate_private_key(65537, 1024).public_key()
    expect("Unusable", RSARecipient, envelope_stanza.spki_of(small))
    expect("Unusable", RSARecipient, envelope_stanza.spki_of(rsa.generate_private_key(3, 2048).public_key()))


# Damage


def changed(data, at, mask=1):
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


def test_damage_everywhere():
    """One bit in each byte, truncation at each byte, in an envelope to one reader of its own type."""
    for pair in [*pairs(), lone_passphrases()[0]]:
        for signer in (None, SEED):
            recipient, reader = pair
            sealed = envelope.seal(b"message", [recipient], b"md", signer=signer)
            step = 1 if recipient.type == SHARED else 41
            for at in range(0, len(sealed), step):
                check_damage(sealed, at, reader)
            for size in range(0, len(sealed), step):
                expect(error_when_cut(sealed, size), envelope.open, sealed[:size], [reader])
            expect("ErrSignature" if signer else "ErrPayload", envelope.open, sealed + b"\0", [reader])


def check_damage(sealed, at, reader):
    for bit in range(8) if at < 200 else (at % 8,):
        wrong = changed(sealed, at, 1 << bit)
        got = outcome(envelope.open, wrong, [reader])
        assert got in errors_when_changed(sealed, at, reader), f"byte {at}, bit {bit}: {got}"


def errors_when_changed(sealed, at, reader):
    """What section 6 allows when a bit of the byte at changes, in an envelope with one stanza."""
    h = parse(sealed)
    stanza, end = h.stanzas[0], len(MAGIC) + len(h.preamble) + 3 + len(h.encoded_stanzas)
    begin = end - len(h.encoded_stanzas)
    regions = [
        (len(MAGIC), {"ErrNotEnvelope"}),
        (len(MAGIC) + 1, {"ErrVersion", "ErrStanza"}),
        (len(MAGIC) + 33, {"ErrStanza"}),
        (len(MAGIC) + 35, {"ErrMalformed", "ErrVersion", "ErrLimit", "ErrTruncated"}),
        (begin - 3, {"ErrStanza"}),
        (begin, {"ErrMalformed", "ErrVersion", "ErrLimit", "ErrTruncated"}),
        (begin + 1, {"ErrVersion", "ErrMalformed", "ErrNoMatch"}),
        (begin + 2, {"ErrMalformed", "ErrVersion"}),
        (begin + 2 + len(stanza.key_id), {"ErrNoMatch"}),
        (begin + 4 + len(stanza.key_id), {"ErrMalformed", "ErrVersion"}),
        (end, {"ErrStanza"} if stanza.type != PASSPHRASE else {"ErrStanza", "ErrVersion", "ErrLimit"}),
        (end + 32, {"ErrHeader"} if stanza.type != PASSPHRASE else {"ErrStanza"}),
        (len(sealed), {"ErrSignature"} if h.signed() else {"ErrPayload"}),
    ]
    return next(errors for limit, errors in regions if at < limit)


def error_when_cut(sealed, size):
    h = parse(sealed)
    if size < h.size:
        return "ErrTruncated"
    return "ErrSignature" if h.signed() else "ErrPayload"


def test_damage_to_others():
    """A stanza of somebody else is covered by the MAC."""
    (first, reader), (second, _) = shared_pair(1), shared_pair(2)
    sealed = envelope.seal(b"message", [first, second])
    others = {s.key_id: s for s in envelope.inspect(sealed).stanzas}[second.key_hash]
    expect("ErrHeader", envelope.open, changed(sealed, sealed.index(others.body) + 40), [reader])


# Forged envelopes, by check


def forge(stanzas, flags=0, metadata=b"", signer=None, plaintext=b"message"):
    preamble = make_preamble(flags, ID, metadata)
    return envelope.assemble(preamble, b"".join(stanzas), context(preamble, b""), FILE_KEY, plaintext, signer)


def body(n, size):
    return bytes([n]) * size


def named(n, type=SHARED, size=80):
    return Stanza(type, body(n, 32), body(n, size))


def test_check_3_stanzas_size():
    expect("ErrMalformed", envelope.inspect, forge([]))
    start = MAGIC + make_preamble(0, ID, b"")
    expect("ErrLimit", envelope.inspect, start + (6897665).to_bytes(3, "big"))
    expect("ErrTruncated", envelope.inspect, start + (6897664).to_bytes(3, "big"))


def test_checks_4_and_5():
    for type in (0, 5, 255):
        expect("ErrVersion", envelope.inspect, forge([named(1, type).encode()]))
    sizes = {RSA: (255, 1025), COMPOSITE: (1391, 1393, 1519, 1521, 1647, 1649), SHARED: (0, 79, 81), PASSPHRASE: (89, 91)}
    for type, wrong in sizes.items():
        for size in wrong:
            expect("ErrMalformed", envelope.inspect, forge([Stanza(type, b"", body(1, size)).encode()]))
    for key_id in (b"x", bytes(31), bytes(33), bytes(255)):
        expect("ErrMalformed", envelope.inspect, forge([Stanza(SHARED, key_id, bytes(80)).encode()]))
    expect("ErrMalformed", envelope.inspect, forge([Stanza(PASSPHRASE, bytes(32), argon2_body()).encode()]))
    for left_over in (b"\3", b"\3\0", b"\3\0\0", b"\3\0\0\x50", b"\3\0\0\x50" + bytes(79), b"\3\x20"):
        expect("ErrMalformed", envelope.inspect, forge([named(1, RSA, 256).encode(), left_over]))
    expect("ErrMalformed", envelope.inspect, forge([Stanza(SHARED, b"x", b"").encode(), named(1, 9).encode()]))


def kdf_body(kdf, time, memory, parallelism):
    return bytes([kdf]) + time.to_bytes(4, "big") + memory.to_bytes(4, "big") + bytes([parallelism]) + bytes(80)


def argon2_body():
    return kdf_body(1, 1, 8, 1)


def test_check_6_kdf():
    fine = [(1, 1, 8, 1), (1, 16, 65536, 16), (1, 4, 262144, 1), (2, 1, 0, 0), (2, 10_000_000, 0, 0)]
    argon2 = [(1, 0, 8, 1), (1, 17, 8, 1), (1, 1, 7, 1), (1, 1, 127, 16), (1, 1, 262145, 1), (1, 5, 262144, 1)]
    argon2 += [(1, 1, 8, 0), (1, 1, 136, 17)]
    pbkdf2 = [(2, 0, 0, 0), (2, 10_000_001, 0, 0), (2, 1, 1, 0), (2, 1, 0, 1)]
    for want, cases in (("success", fine), ("ErrLimit", argon2 + pbkdf2), ("ErrVersion", [(0, 1, 8, 1), (3, 1, 8, 1)])):
        for case in cases:
            expect(want, envelope.inspect, forge([Stanza(PASSPHRASE, b"", kdf_body(*case)).encode()]))


def test_check_7_together():
    one, two, phrase = named(1).encode(), named(2).encode(), Stanza(PASSPHRASE, b"", argon2_body()).encode()
    same = Stanza(SHARED, body(1, 32), body(9, 80)).encode()
    other_type = named(1, RSA, 256).encode()
    for stanzas in ([two, one], [one, one], [one, same], [one, phrase], [phrase, phrase]):
        expect("ErrMalformed", envelope.inspect, forge(stanzas))
    hidden = [Stanza(SHARED, b"", body(n, 80)).encode() for n in (1, 2)]
    for stanzas in ([one, two], [other_type, one], hidden, [*hidden, one]):
        expect("success", envelope.inspect, forge(stanzas))


def wrapped(key, file_key=FILE_KEY, flags=0, hidden=False):
    return key.wrap(file_key, context(make_preamble(flags, ID, b""), b""), hidden)


def test_checks_9_to_11():
    key, other = shared_pair(1)[0], shared_pair(2)[0]
    expect("success", envelope.open, forge([wrapped(key).encode()]), [key])
    expect("ErrHeader", envelope.open, forge([wrapped(key, bytes(32)).encode()]), [key])
    broken = Stanza(SHARED, key.key_hash, bytes(80)).encode()
    expect("ErrStanza", envelope.open, forge([broken]), [other, key])
    with_hidden = forge(sorted([broken, wrapped(key, hidden=True).encode()]))
    expect("ErrStanza", envelope.open, with_hidden, [key])
    expect("ErrNoMatch", envelope.open, with_hidden, [other])
    wrong, right = wrapped(key, bytes(32), hidden=True).encode(), wrapped(key, hidden=True).encode()
    expect("ErrHeader" if wrong < right else "success", envelope.open, forge(sorted([wrong, right])), [key])
    recipient, reader = rsa_pair(2048)
    short = recipient.wrap(bytes(31), context(make_preamble(0, ID, b""), b""), False)
    expect("ErrStanza", envelope.open, forge([short.encode()]), [reader])
    longer = Stanza(RSA, reader.key_hash, b"\0" + wrapped(recipient).body).encode()
    expect("ErrStanza", envelope.open, forge([longer]), [reader])
    confused = Stanza(COMPOSITE, reader.key_hash, bytes(1392)).encode()
    expect("ErrNoMatch", envelope.open, forge([confused]), [reader])


def test_check_10_passphrase():
    right, wrong = passphrase_pair()[0], passphrase_pair(b"wrong")[0]
    sealed = envelope.seal(b"message", [right])
    expect("ErrStanza", envelope.open, sealed, [wrong])
    expect("success", envelope.open, sealed, [wrong, right])
    expect("ErrNoMatch", envelope.open, sealed, strangers())
    expect("ErrNoMatch", envelope.open, envelope.seal(b"message", [shared_pair()[0]]), [right])
    # The stanza opens, and the MAC is that of another file key: as if it did not open.
    other_file_key = forge([wrapped(wrong, bytes(32)).encode()])
    expect("ErrStanza", envelope.open, other_file_key, [wrong])
    expect("ErrStanza", envelope.open, other_file_key, [wrong, right])


def test_checks_12_to_15():
    key, other = shared_pair(1)[0], bytes(32)
    signed, unsigned = envelope.seal(b"message", [key], signer=SEED), envelope.seal(b"message", [key])
    expect("success", envelope.open, signed, [key])
    expect("success", envelope.open, signed, [key], senders=[other, SENDER])
    for senders in ([], [other]):
        expect("ErrSender", envelope.open, signed, [key], senders=senders)
        expect("ErrUnsigned", envelope.open, unsigned, [key], senders=senders)
    expect("ErrSignature", envelope.open, changed(signed, len(signed) - 150), [key], senders=[other])
    expect("ErrPayload", envelope.open, changed(unsigned, len(unsigned) - 1), [key])
    expect("ErrHeader", envelope.open, changed(unsigned, envelope.inspect(unsigned).size - 1), [key], senders=[other])
    stanza = wrapped(key, flags=1).encode()
    expect("success", envelope.open, forge([stanza], 1, signer=SEED), [key])
    expect("ErrSignature", envelope.open, forge([stanza], 1, plaintext=b"m" * 200), [key])
    wrong_payload = signed_over(stanza, cobblestone.seal(bytes(32), b"", b"message"))
    expect("ErrPayload", envelope.open, wrong_payload, [key])
    expect("ErrPayload", envelope.open, signed_over(stanza, b""), [key])


def signed_over(stanza, payload):
    """A signed envelope around any payload."""
    preamble = make_preamble(1, ID, b"")
    c, s = context(preamble, b""), stanzas_hash(stanza)
    _, mac_key, trailer_key = keys(FILE_KEY, c)
    trailer = envelope_trailer.seal(SEED, trailer_key, c, s, sha256(payload).digest())
    return make_header(preamble, stanza, header_mac(mac_key, c, s)) + payload + trailer


def test_check_13_unsound_signers():
    """With a signer of small order R = the neutral point and S = 0 verify, if the key is the neutral point."""
    key = shared_pair(1)[0]
    sealed = forge([wrapped(key, flags=1).encode()], 1, signer=SEED)
    c = context(make_preamble(1, ID, b""), b"")
    neutral = (1).to_bytes(32, "little")
    for public in (neutral, (1 | 1 << 255).to_bytes(32, "little"), b"\xff" * 32):
        trailer = AESGCM(keys(FILE_KEY, c)[2]).encrypt(bytes(12), public + neutral + bytes(32), None)
        expect("ErrSignature", envelope.open, sealed[:-112] + trailer, [key])


# Text


def test_text():
    for size in (1, 2, 3, 47, 48, 49, 96, 1000):
        data = os.urandom(size)
        text = envelope_text.armor(data)
        for same in (text, text[:-1], text.replace(b"\n", b"\r\n"), text.replace(b"\n", b"\r\n")[:-2]):
            assert envelope_text.dearmor(same) == data
        for wrong in wrong_texts(text):
            assert outcome(envelope_text.dearmor, wrong) == "ErrArmor", wrong
    expect("ErrArmor", envelope_text.dearmor, b"")


def wrong_texts(text):
    lines = text.split(b"\n")
    begin, first, end = lines[0], lines[1], lines[-2]
    yield from (b" " + text, b"\n" + text, text + b"\n", text + b"x", text[:-1] + b"\r", text[:-2], text.replace(b"\n", b"\r"))
    yield from (text.replace(b"\n", b"\r\n", 1), text[:-1] + b"\r\n", text.replace(b"\n", b"\r\n")[:-1])
    yield from (b"\n".join([begin, end, b""]), b"\n".join([begin, b"", end, b""]), b"\n".join([begin, *lines[1:-2], b"", end, b""]))
    yield text.replace(begin, begin + b"\nProc-Type: 4,ENCRYPTED\n")
    yield text.replace(b"ENVELOPE", b"envelope")
    yield text.replace(first, first + b" ")
    yield text.replace(first, b" " + first)
    yield text.replace(first, first[:2] + b"\n" + first[2:])
    yield text.replace(first, first[:-1] + b"*")
    base64 = b"".join(lines[1:-2])
    if len(base64) > 64:
        yield b"\n".join([begin, base64, end, b""])
    if base64.endswith(b"="):
        yield text.replace(b"=", b"")
        before = base64.rstrip(b"=")[-1:]
        other = ALPHABET[ALPHABET.index(before) ^ 1 :][:1]
        yield text.replace(before + b"=", other + b"=")


def tests():
    return {name: f for name, f in globals().items() if name.startswith("test_")}


def main(arguments):
    if arguments != ["--self-test"]:
        print("python3 envelope.py --self-test")
        return 2
    for name, test in tests().items():
        test()
        print("ok", name.removeprefix("test_"))
    return 0

"""Envelopes of version 1 by the second implementation in envelope.py.

envelope_seal(plaintext, recipients, metadata, associated_data, hide, signer, armor, mixed) -> bytes
    recipients: a list of {"type": "rsa-oaep-sha256" or "mlkem768-rsa", "spki": DER},
    {"type": "shared-key", "key": 32 bytes}, and {"type": "passphrase", "passphrase": bytes,
    "kdf": 1 or 2, "time", "memory", "parallelism"} (without them, what the specification has
    written). signer: an Ed25519 seed; mixed: RSA beside other types; all but the first two optional.
envelope_open(envelope, identities, associated_data, senders) -> {"plaintext", "metadata", "sender", "id"}
    envelope: bytes, binary or text. identities: a list of {"type": "rsa-oaep-sha256", "pkcs8": DER},
    {"type": "mlkem768-rsa", "private": ML-KEM seed [64] ‖ RSAPrivateKey (DER)}, and shared-key and
    passphrase as above. senders: a list of Ed25519 public keys, or null. sender is null if unsigned.
envelope_inspect(envelope) -> {"signed", "flags", "id", "metadata", "header_size", "stanzas": [{"type", "name", "key_id", "body_size"}]}
envelope_armor(envelope) -> text, envelope_dearmor(text) -> envelope
envelope_forge(preamble, stanzas, file_key, plaintext, associated_data, signer) -> bytes
    An envelope with any preamble and any stanzas (bytes, one after the other), and a MAC that is right.
envelope_values(envelope, file_key, associated_data) -> every derived value that section 2 names, and P.
envelope_argon2() -> whether Argon2id with large parameters can be done here.

What a reader refuses comes back as {"refused": its name in section 6, such as "ErrNoMatch"}, what a
writer refuses as {"refused": "Unusable"}.
"""

from hashlib import sha256

import argon2id
import envelope as envelopes
import envelope_text
from envelope_header import context, keys, parse, stanzas_hash
from envelope_stanza import NAMES, CompositeIdentity, CompositeRecipient, Passphrase, RSAIdentity, RSARecipient, SharedKey
from envelope_trailer import TRAILER_SIZE

RECIPIENTS = {"rsa-oaep-sha256": RSARecipient, "mlkem768-rsa": CompositeRecipient, "shared-key": SharedKey, "passphrase": Passphrase}
IDENTITIES = {**RECIPIENTS, "rsa-oaep-sha256": RSAIdentity, "mlkem768-rsa": CompositeIdentity}


def make(kinds, all):
    return [kinds[one["type"]](**{k: v for k, v in one.items() if k != "type"}) for one in all]


def seal(plaintext, recipients, metadata=None, associated_data=None, hide=False, signer=None, armor=False, mixed=False):
    to = make(RECIPIENTS, recipients)
    sealed = envelopes.seal(plaintext, to, metadata or b"", associated_data or b"", hide, signer, mixed)
    return envelope_text.armor(sealed) if armor else sealed


def open(envelope, identities, associated_data=None, senders=None):
    opened = envelopes.open(envelopes.of_text(envelope), make(IDENTITIES, identities), associated_data or b"", senders)
    return vars(opened)


def inspect(envelope):
    h = envelopes.inspect(envelopes.of_text(envelope))
    stanzas = [{"type": s.type, "name": NAMES[s.type].decode(), "key_id": s.key_id, "body_size": len(s.body)} for s in h.stanzas]
    return {"signed": h.signed(), "flags": h.flags, "id": h.id, "metadata": h.metadata, "header_size": h.size, "stanzas": stanzas}


def forge(preamble, stanzas, file_key, plaintext, associated_data=None, signer=None):
    c = context(preamble, associated_data or b"")
    return envelopes.assemble(preamble, stanzas, c, file_key, plaintext, signer)


def values(envelope, file_key, associated_data=None):
    h = parse(envelope)
    c = context(h.preamble, associated_data or b"")
    payload_key, mac_key, trailer_key = keys(file_key, c)
    end = len(envelope) - (TRAILER_SIZE if h.signed() else 0)
    p = sha256(envelope[h.size : end]).digest()
    derived = {"payload_key": payload_key, "mac_key": mac_key, "trailer_key": trailer_key}
    return {"c": c, "s": stanzas_hash(h.encoded_stanzas), "p": p, "mac": h.mac, **derived}


OPS = {
    "envelope_seal": seal,
    "envelope_open": open,
    "envelope_inspect": inspect,
    "envelope_armor": envelope_text.armor,
    "envelope_dearmor": envelope_text.dearmor,
    "envelope_forge": forge,
    "envelope_values": values,
    "envelope_argon2": lambda: argon2id.native is not None,
}

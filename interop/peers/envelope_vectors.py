"""Writes testdata/vectors/envelope-v1.json: envelopes of every kind, with all that is derived.

    python3 envelope_vectors.py > ../../testdata/vectors/envelope-v1.json

IDs, file keys and whatever else may be chosen come from names, so that a new run changes
only salts and ciphertexts. All keys are public: those of testdata/keys, and hashes of names.
"""

import json
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

import compositekem
import envelope
import envelope_text
import envelope_trailer
from envelope_header import SIGNED, context, keys, make_preamble, parse, stanzas_hash
from envelope_stanza import (
    WRAPPED_SIZE,
    CompositeIdentity,
    CompositeRecipient,
    NAMES,
    Passphrase,
    RSAIdentity,
    RSARecipient,
    SharedKey,
    kek,
    spki_of,
    stretch,
    kdf_of,
)

KEYS = Path(__file__).parents[2] / "testdata" / "keys"
BLOCK = b"-----END PRIVATE KEY-----\n"


def derived(name):
    return sha256(b"parley-envelope/v1 vector " + name.encode()).digest()


def pool(bits, number):
    """The key of testdata/keys."""
    text = (KEYS / f"rsa{bits}.pem").read_bytes().split(BLOCK)[number] + BLOCK
    key = load_pem_private_key(text, None)
    assert isinstance(key, rsa.RSAPrivateKey) and key.key_size == bits
    return key


class RSAParty:
    def __init__(self, bits, number):
        key = pool(bits, number)
        self.private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self.recipient, self.identity = RSARecipient(spki_of(key.public_key())), RSAIdentity(self.private)

    def secret(self, body, c):
        return None


class CompositeParty:
    def __init__(self, bits, number):
        half = pool(bits, number).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        self.private = derived(f"ML-KEM {bits} 0") + derived(f"ML-KEM {bits} 1") + half
        public = compositekem.public_of_private(self.private)
        self.recipient = CompositeRecipient(compositekem.spki_of(public))
        self.identity = CompositeIdentity(self.private)

    def secret(self, body, c):
        return compositekem.decapsulate(self.private, body[:-WRAPPED_SIZE])


class SharedParty:
    def __init__(self, name):
        self.private = derived(name)
        self.recipient = self.identity = SharedKey(self.private)

    def secret(self, body, c):
        return self.private


class PassphraseParty:
    def __init__(self, text, *parameters):
        self.private = text.encode()
        self.recipient = self.identity = Passphrase(self.private, *parameters)

    def secret(self, body, c):
        return stretch(self.private, body[10:42], *kdf_of(body))


def hexed(values):
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in values.items()}


def stanza_values(stanza, party, c):
    secret = party.secret(stanza.body, c)
    out = {"type": NAMES[stanza.type].decode(), "key_id": stanza.key_id, "key_hash": party.recipient.key_hash, "private": party.private}
    if secret is not None:
        encapsulation = stanza.body[:-WRAPPED_SIZE]
        out |= {"secret": secret, "kek": kek(stanza.type, secret, c, party.recipient.key_hash, encapsulation)}
    return hexed(out)


def of_stanza(stanza, parties, c, file_key):
    """The party whose stanza it is."""
    for party in parties:
        try:
            if envelope.envelope_stanza.file_key([stanza], [party.identity], c, KeyError(), KeyError()) == file_key:
                return party
        except KeyError:
            pass
    raise AssertionError("a stanza of nobody")


def vector(name, plaintext, parties, metadata=b"", associated_data=b"", hide=False, signer=None):
    file_key = derived(name + ", file key")
    preamble = make_preamble(SIGNED if signer else 0, derived(name + ", ID"), metadata)
    c = context(preamble, associated_data)
    encoded = b"".join(sorted(p.recipient.wrap(file_key, c, hide).encode() for p in parties))
    sealed = envelope.assemble(preamble, encoded, c, file_key, plaintext, signer)
    header = parse(sealed)
    payload_key, mac_key, trailer_key = keys(file_key, c)
    payload = sealed[header.size : len(sealed) - (envelope_trailer.TRAILER_SIZE if signer else 0)]
    values = {
        "name": name,
        "associated_data": associated_data,
        "metadata": metadata,
        "id": header.id,
        "plaintext_sha256": sha256(plaintext).digest(),
        "plaintext_size": len(plaintext),
        "signer": envelope_trailer.public_of_seed(signer) if signer else None,
        "signer_seed": signer,
        "file_key": file_key,
        "c": c,
        "s": stanzas_hash(header.encoded_stanzas),
        "p": sha256(payload).digest(),
        "payload_key": payload_key,
        "mac_key": mac_key,
        "trailer_key": trailer_key,
        "mac": header.mac,
        "header_size": header.size,
        "envelope": sealed,
    }
    stanzas = [stanza_values(s, of_stanza(s, parties, c, file_key), c) for s in header.stanzas]
    return hexed({k: v for k, v in values.items() if v is not None}) | {"stanzas": stanzas}


def vectors():
    rsa2048, composite, shared = RSAParty(2048, 0), CompositeParty(2048, 1), SharedParty("shared key")
    others = [SharedParty("shared key 2"), SharedParty("shared key 3")]
    alice = derived("signer")
    text = b"Attack at dawn."
    yield vector("worked example", text, [shared], b"plan.txt", b"account 7", signer=alice)
    yield vector("rsa-oaep-sha256, 2048 bits", text, [rsa2048])
    yield vector("rsa-oaep-sha256, 3072 bits", text, [RSAParty(3072, 0)], b"m")
    yield vector("rsa-oaep-sha256, 4096 bits", text, [RSAParty(4096, 0)], b"", b"a")
    yield vector("mlkem768-rsa, 2048 bits", text, [composite])
    yield vector("mlkem768-rsa, 3072 bits", text, [CompositeParty(3072, 1)])
    yield vector("mlkem768-rsa, 4096 bits", text, [CompositeParty(4096, 1)])
    yield vector("passphrase, Argon2id", text, [PassphraseParty("correct horse", 1, 2, 64, 2)])
    yield vector("passphrase, PBKDF2", text, [PassphraseParty("correct horse", 2, 1000, 0, 0)])
    yield vector("three shared keys", text, [shared, *others])
    yield vector("hidden recipients", text, [shared, composite, *others], hide=True)
    yield vector("all types, signed", text, [rsa2048, composite, shared], b"m", b"a", signer=alice)
    yield vector("empty plaintext", b"", [shared])
    yield vector("empty plaintext, signed", b"", [shared], signer=alice)
    yield vector("one chunk and an empty one", bytes(16384), [shared])
    yield vector("two chunks, signed", bytes(16385), [shared], signer=alice)


if __name__ == "__main__":
    all = list(vectors())
    all[0]["text"] = envelope_text.armor(bytes.fromhex(all[0]["envelope"])).decode()
    print(json.dumps({"envelopes": all}, indent=1))

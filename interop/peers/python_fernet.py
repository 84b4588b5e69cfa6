"""Fernet and MultiFernet. A list of keys is a MultiFernet, in its order."""

import time
from base64 import urlsafe_b64decode

from cryptography.fernet import Fernet, MultiFernet


def fernet(keys):
    if len(keys) == 1:
        return Fernet(keys[0])
    return MultiFernet([Fernet(k) for k in keys])


def encrypt(keys, msg, at=None):
    f = fernet(keys)
    return f.encrypt(msg) if at is None else f.encrypt_at_time(msg, at)


def decrypt(keys, token, ttl=None, at=None):
    f = fernet(keys)
    return f.decrypt(token, ttl) if at is None else f.decrypt_at_time(token, ttl, at)


def decrypt_lenient(keys, token):
    """What decrypt gives, and the raw token that was read out of the text."""
    return {"msg": fernet(keys).decrypt(token), "raw": urlsafe_b64decode(token)}


def rotate(keys, token):
    return MultiFernet([Fernet(k) for k in keys]).rotate(token)


class Benchmark:
    """One call, kept between requests so that only the calls are timed."""

    call = None

    @classmethod
    def prepare(cls, op, key, data, ttl):
        f = Fernet(key)
        cls.call = (lambda: f.encrypt(data)) if op == "encrypt" else (lambda: f.decrypt(data, ttl))
        return len(cls.call())

    @classmethod
    def run(cls, n):
        """Nanoseconds that n calls take."""
        call = cls.call
        start = time.perf_counter_ns()
        for _ in range(n):
            call()
        return time.perf_counter_ns() - start


OPS = {
    "fernet_key": Fernet.generate_key,
    "fernet_encrypt": encrypt,
    "fernet_decrypt": decrypt,
    "fernet_decrypt_lenient": decrypt_lenient,
    "fernet_timestamp": lambda key, token: Fernet(key).extract_timestamp(token),
    "fernet_rotate": rotate,
    "fernet_benchmark_prepare": Benchmark.prepare,
    "fernet_benchmark": Benchmark.run,
}

"""Answers for Python's cryptography: a JSON request a line, a JSON answer a line.

Bytes travel as {"b64": ...}. What the library refuses is answered as
{"refused": name of the exception}; a mistake of this program as {"error": ...}.
"""

import json
import sys
from base64 import b64decode, b64encode

import cryptography
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import InvalidToken

import python_envelope
import python_fernet
import python_keys
import python_room

OPS = {**python_fernet.OPS, **python_keys.OPS, **python_envelope.OPS, **python_room.OPS}


def decode(value):
    return b64decode(value["b64"]) if value.keys() == {"b64"} else value


def encode(value):
    return {"b64": b64encode(value).decode()}


def answer(line):
    request = json.loads(line, object_hook=decode)
    try:
        return {"result": OPS[request["op"]](**request["args"])}
    except (InvalidToken, InvalidSignature, ValueError) as e:
        return {"refused": type(e).__name__}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


def say(value):
    print(json.dumps(value, default=encode), flush=True)


say({"result": f"cryptography {cryptography.__version__}, Python {sys.version.split()[0]}"})
for line in sys.stdin:
    say(answer(line))

"""Envelopes as text (spec/envelope-v1.md, section 7)."""

from base64 import b64decode, b64encode
from binascii import Error

from envelope_header import ErrArmor, require

BEGIN = b"-----BEGIN PARLEY ENVELOPE-----"
END = b"-----END PARLEY ENVELOPE-----"
WIDTH = 64


def is_text(data):
    return data.startswith(BEGIN)


def armor(envelope):
    text = b64encode(envelope)
    lines = [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]
    return b"\n".join([BEGIN, *lines, END, b""])


def dearmor(text):
    """The envelope in text, of which there is one way to break the lines with LF and one with CRLF."""
    require(is_text(text), ErrArmor("no BEGIN line"))
    end = b"\r\n" if text.startswith(BEGIN + b"\r\n") else b"\n"
    lines = text.removesuffix(end).split(end)
    require(len(lines) > 2 and lines[0] == BEGIN and lines[-1] == END, ErrArmor("the lines of the text"))
    base64 = lines[1:-1]
    sizes = all(len(line) == WIDTH for line in base64[:-1]) and 0 < len(base64[-1]) <= WIDTH
    require(sizes, ErrArmor("the length of a line"))
    return decode(b"".join(base64))


def decode(base64):
    """Base64 with padding and zero in its unused bits."""
    try:
        data = b64decode(base64, validate=True)
    except Error:
        raise ErrArmor("not base64") from None
    require(b64encode(data) == base64, ErrArmor("not the base64 of these bytes"))
    return data

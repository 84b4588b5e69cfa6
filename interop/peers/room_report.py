"""What room.py tells of a frame, as lines for people. Nothing in them is obeyed by a terminal."""

NAMES = ("name", "room", "creator", "sender", "signer", "target", "committer")
"""What of Outcome.about is a name."""


def short(x):
    return x.hex()[:16] + "…"


def shown(name, value):
    """One thing about a frame, without what a terminal would obey."""
    if isinstance(value, bytes):
        return f"{name} {short(value)}"
    if isinstance(value, str):
        return f"{name} {value!r}" if name in NAMES else f"{name} {value}"
    if isinstance(value, list):
        return f"{name} " + ", ".join(map(arrival, value))
    return name if value is True else f"{name} {value}"


def arrival(who):
    """A name, or who was added, as what, and where."""
    return f"{who['name'].decode()!r} at {who['index']} ({who['as']})" if isinstance(who, dict) else repr(who.decode())


def lines_of_frame(told):
    about = [shown(k, v) for k, v in told["about"].items() if v is not False and v != []]
    if told["verdict"] != "valid":
        about = [f"{told['verdict']}, check {told['check']}"] + ([told["detail"]] if told["detail"] else [])
    verdict = "valid" if told["verdict"] == "valid" else "VOID"
    yield f"{told['position']:>5}  {told['type']:<8} {told['size']:>7}  {verdict:<5}  " + "; ".join(about)


def lines_of_epoch(epoch, values):
    yield f"epoch {epoch['epoch']}  M {epoch['transcript'].hex()}"
    hashes = f"roster {short(epoch['roster_hash'])}, policy {short(epoch['policy_hash'])}"
    yield f"{hashes}, admission {epoch['admission']}, {len(epoch['bans'])} banned"
    for m in epoch["members"]:
        admin = ", admin" if m["admin"] else ""
        hashes = ", ".join(f"{what.split('_')[0]} {short(m[what])}" for what in ("membership", "leaf_hash", "fingerprint"))
        yield f"  {m['index']:>3} {m['name']!r}{admin}, since {m['since']}, {hashes}"
    if epoch["keys_from"] and epoch["epoch"]:
        tag = "the tag is right" if epoch["confirmed"] else "the tag cannot be checked"
        yield f"keys by {epoch['keys_from']}: {tag}, authenticator {epoch.get('digits', 'not known')}"
    elif epoch["epoch"]:
        yield "keys are not known"
    if values:
        yield from lines_of_values(epoch, ("epoch", "members", "bans", "admission", "digits", "keys_from", "confirmed"))


def lines_of_values(values, without):
    for name, value in values.items():
        if name in without or value in ([], {}):
            continue
        if isinstance(value, dict):
            value = {f"{name} {i}": v for i, v in value.items()}
            yield from lines_of_values(value, ())
        elif isinstance(value, list):
            one = {"entries": "entry"}.get(name, name[:-2])
            for v in value:
                yield from lines_of_values({f"{one} {k}": x for k, x in v.items()} if isinstance(v, dict) else {one: v}, ())
        else:
            yield f"  {name}: {value.hex() if isinstance(value, bytes) else value}"


def lines_of_message(message, values):
    if "messages" not in message:
        yield "not opened"
    for m in message.get("messages", []):
        yield f"text of kind {m['kind']}, {len(m['text'])} bytes: {excerpt(m['text'])}"
    if values:
        yield from lines_of_values(message, ("messages", "plaintext"))


def what_is_missing(gap):
    missing = [f"{gap['generations']} Messages of the sender before this one"] if gap["generations"] else []
    missing += ["the Message that the sender names as its previous one"] if gap["previous"] else []
    return ", ".join(missing + ([f"{gap['ahead']} Messages that the signer has read"] if gap["ahead"] else []))


def excerpt(text, most=60):
    try:
        s = text.decode()
    except UnicodeDecodeError:
        return short(text)
    return repr(s if len(s) <= most else s[:most] + "…")


def lines(told, values):
    yield from lines_of_frame(told)
    under = [f"signatures: {', '.join(told['signatures'])}"] if values and told["signatures"] else []
    if "epoch" in told:
        under += lines_of_epoch(told["epoch"], values)
    if "message" in told:
        under += lines_of_message(told["message"], values)
    under += [f"! gap: {what_is_missing(gap)}" for gap in told["gaps"]]
    under += [f"! fork: {fork['what']} (identity {short(fork['identity'])})" for fork in told["forks"]]
    under += [f"! {finding}" for finding in told["findings"]]
    yield from (f"       {line}" for line in under)

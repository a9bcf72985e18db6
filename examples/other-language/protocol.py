"""docs/protocol.md, sections 3, 15 and 16: bytes that are signed, a pairing, sealed messages. Nothing here knows of
sockets; whoever calls brings randomness and sends what comes out."""

import base64
import hmac
import json
import re
from dataclasses import dataclass

import primitives as p


def u32(number): return number.to_bytes(4, "big")
def u64(number): return number.to_bytes(8, "big")
def lv(data): return u32(len(data)) + data


def to_text(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_text(data) != text:
        raise ValueError("not the one form of base64url")
    return data


def signed_bytes(purpose, *fields):
    encoded = [u64(f) if isinstance(f, int) else f.encode() if isinstance(f, str) else f for f in fields]
    return b"".join(lv(part) for part in [f"muster/v1/{purpose}".encode(), *encoded])


def device_id(key):
    text = base64.b32encode(p.sha256(key)).decode().lower()[:28]
    return "-".join(text[at : at + 7] for at in range(0, 28, 7))


@dataclass
class Keys:
    """Secrets of 32 bytes."""
    identity: bytes
    link: bytes

    @property
    def public(self): return p.ed25519_public(self.identity)


# ---- pairing -----------------------------------------------------------------------------------------------

CODE = re.compile(r"([2-9A-HJKMNP-Z]{2,3})([2-9A-HJKMNP-Z]{4})")


def read_code(typed):
    found = CODE.fullmatch(re.sub(r"[-\s]", "", typed).upper())
    if found is None:
        raise ValueError("that is no pairing code")
    return found.group(1), found.group(2).encode()


def side(keys, receive_secret, nickname, kind):
    return {
        "identity_key": to_text(keys.public),
        "link_key": to_text(p.x25519_public(keys.link)),
        "receive_key": to_text(p.x25519_public(receive_secret)),
        "nickname": nickname,
        "kind": kind,
    }


def associated_data(role, side):
    keys = [from_text(side[name]) for name in ("identity_key", "link_key", "receive_key")]
    return b"".join(lv(f) for f in [role.encode(), *keys, side["nickname"].encode(), side["kind"].encode()])


def channel_identifier(hub_key, mailbox, way):
    return b"".join(lv(f) for f in [b"muster/v1/pair", hub_key, mailbox.encode(), way.encode(), u64(1)])


@dataclass
class Proof:
    transcript: bytes
    maker_tag: bytes
    joiner_tag: bytes
    words: bytes


def proof_of(isk, ci, sid, ya, ada, yb, adb):
    parts = [b"muster/v1/pair transcript", ci, sid, ya, ada, yb, adb]
    transcript = p.sha512(b"".join(lv(part) for part in parts))
    secret = p.hkdf_extract("sha512", transcript, isk)
    key = lambda name, length: p.hkdf_expand("sha512", secret, b"muster/v1/pair " + name, length)
    tag = lambda name: hmac.digest(key(name, 64), transcript, "sha512")
    return Proof(transcript, tag(b"maker tag"), tag(b"joiner tag"), key(b"safety", 32))


def safety_words(key, word_list):
    bits = int.from_bytes(key[:7], "big") >> 1
    return " ".join(word_list[bits >> 11 * at & 0x7FF] for at in range(4, -1, -1))


class Joiner:
    """The side that was given the code. It answers once."""

    def __init__(self, keys, hub_key, code, own_side, random):
        self.keys, self.hub_key, self.own, self.random = keys, hub_key, own_side, random
        self.mailbox, self.secret = read_code(code)
        self.half = random(16)

    def join(self):
        return {"step": 0, "way": "code", "session": to_text(self.half)}

    def answer(self, offer):
        if offer.get("step") != 1 or offer["side"]["identity_key"] == self.own["identity_key"]:
            raise ValueError("that did not finish; make a new code")
        self.theirs = offer["side"]
        ci = channel_identifier(self.hub_key, self.mailbox, "code")
        sid = from_text(offer["session"]) + self.half
        ya, ada, adb = from_text(offer["share"]), associated_data("maker", self.theirs), associated_data("joiner", self.own)
        scalar, yb = p.cpace_share(self.secret, ci, sid, self.random(64))
        self.secret = b""
        isk = p.cpace_isk(scalar, ya, sid, ya, ada, yb, adb)
        self.proof = proof_of(isk, ci, sid, ya, ada, yb, adb)
        signature = p.ed25519_sign(self.keys.identity, signed_bytes("pair", "joiner", self.proof.transcript))
        return {
            "step": 2,
            "share": to_text(yb),
            "side": self.own,
            "tag": to_text(self.proof.joiner_tag),
            "signature": to_text(signature),
        }

    def finish(self, confirm):
        """The side to pin."""
        proved = (
            confirm.get("step") == 3
            and hmac.compare_digest(from_text(confirm["tag"]), self.proof.maker_tag)
            and p.ed25519_verify(
                from_text(self.theirs["identity_key"]),
                signed_bytes("pair", "maker", self.proof.transcript),
                from_text(confirm["signature"]),
            )
        )
        if not proved:
            raise ValueError("that did not finish; make a new code")
        return self.theirs


# ---- sealed messages ---------------------------------------------------------------------------------------

@dataclass
class Place:
    epoch: bytes
    sequence: int
    message_id: str


@dataclass
class Sealed:
    type: str
    sender: bytes
    recipient: bytes
    receive_key_id: bytes
    place: Place
    kind: str
    sealed: bytes
    signature: bytes = b""

    def info(self):
        parts = [f"muster/v1/{self.type}".encode(), self.sender, self.recipient, self.receive_key_id]
        return b"".join(lv(part) for part in parts)

    def to_sign(self):
        place, kind = self.place, [self.kind] if self.type == "message" else []
        fields = [self.sender, self.recipient, self.receive_key_id, place.epoch, place.sequence, place.message_id]
        return signed_bytes(self.type, *fields, *kind, p.sha256(self.sealed))

    def to_bytes(self):
        place, kind = self.place, lv(self.kind.encode()) if self.type == "message" else b""
        head = bytes([1, 1 if self.type == "message" else 2]) + self.sender + self.recipient + self.receive_key_id
        head += place.epoch + u64(place.sequence) + lv(place.message_id.encode()) + kind
        return head + lv(self.sealed) + self.signature


def seal(type, keys, recipient, receive_key, place, kind, body, random):
    """`body` of an acknowledgement: u64 and the next receive key."""
    made = Sealed(type, keys.public, recipient, p.sha256(receive_key), place, kind, b"")
    made.sealed = p.hpke_seal(receive_key, made.info(), body, random(32))
    made.signature = p.ed25519_sign(keys.identity, made.to_sign())
    return made.to_bytes()


def read_sealed(data):
    rest = memoryview(data)

    def take(length):
        nonlocal rest
        if len(rest) < length:
            raise ValueError("a sealed message is cut")
        taken, rest = bytes(rest[:length]), rest[length:]
        return taken

    def take_sized(): return take(int.from_bytes(take(4), "big"))

    form, number = take(2)
    if form != 1 or number not in (1, 2):
        raise ValueError("no sealed message")
    type = "message" if number == 1 else "ack"
    ends = take(32), take(32), take(32)
    place = Place(take(16), int.from_bytes(take(8), "big"), take_sized().decode())
    kind = take_sized().decode() if type == "message" else ""
    read = Sealed(type, *ends, place, kind, take_sized(), take(64))
    if len(rest) > 0:
        raise ValueError("bytes behind a sealed message")
    return read


def open_sealed(read, own_key, peer_key, receive_secrets):
    """`receive_secrets` by id. The body; raises for what is not for this device, or not from that peer."""
    if read.recipient != own_key:
        raise ValueError("a sealed message for another device")
    if read.sender != peer_key or not p.ed25519_verify(peer_key, read.to_sign(), read.signature):
        raise ValueError("a sealed message that is not from this peer, or was changed")
    return p.hpke_open(receive_secrets[read.receive_key_id], read.info(), read.sealed)


def to_json(value): return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

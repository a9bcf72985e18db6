"""A client of a Muster hub in another language, written from docs/protocol.md alone; Python's own library is all it
needs. It joins by a code, sends one text, waits for the other device's own word that it has it, and prints what
comes, acknowledged in the same way.

    python3 peer.py HUB CODE TEXT

It keeps nothing: with its end its keys are gone. A real client keeps keys, pins, epochs and numbers, as section 16
asks for."""

import base64
import json
import os
import socket
import ssl
import sys
import time
from urllib.parse import urlsplit

import primitives as p
from protocol import (
    Joiner, Keys, Place, device_id, from_text, lv, open_sealed, read_sealed, safety_words, seal, side, signed_bytes,
    to_json, to_text, u64,
)

PING, PONG = 7, 8


class Line:
    """A WebSocket (RFC 6455) to `/ws`: one message of the hub at a time. Section 2's pings are answered here."""

    def __init__(self, hub):
        url = urlsplit(hub)
        port = url.port or (443 if url.scheme == "https" else 80)
        self.dialled = f"{url.scheme}://{url.hostname}:{port}"
        self.socket = socket.create_connection((url.hostname, port), timeout=20)
        if url.scheme == "https":
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=url.hostname)
        head = ["GET /ws HTTP/1.1", f"Host: {url.netloc}", "Connection: Upgrade", "Upgrade: websocket"]
        head += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
        if url.scheme == "https":
            head.append(f"Origin: {hub}")  # stands for the TLS exporter, which this library cannot tell
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())
        self.stream = self.socket.makefile("rb")
        if b" 101 " not in self.stream.readline():
            raise SystemExit("error: no hub answers there")
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, message):
        self._write(1, to_json(message).encode())

    def _write(self, opcode, data):
        length = len(data)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
        if length > 0xFFFF:
            size = b"\xff" + length.to_bytes(8, "big")
        mask = os.urandom(4)
        self.socket.sendall(bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[at % 4] for at, b in enumerate(data)))

    def receive(self):
        """The next message, parsed."""
        while True:
            opcode, data = self._read()
            if opcode == 1:
                return json.loads(data)
            if opcode == 8:
                raise SystemExit(f"error: the hub closed the connection: {data[2:].decode()}")
            # u32 stream, u8 type, u24 length: a ping is answered with its own eight bytes.
            while opcode == 2 and len(data) >= 8:
                length = int.from_bytes(data[5:8], "big")
                if data[4] == PING:
                    self._write(2, bytes(4) + bytes([PONG]) + data[5:16])
                data = data[8 + length :]

    def _read(self):
        whole, opcode = b"", 0
        while True:
            head = self.stream.read(2)
            if len(head) < 2:
                raise SystemExit("error: the connection to the hub was lost")
            first, second = head
            length = second & 0x7F
            if length >= 126:
                length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
            whole += self.stream.read(length)
            opcode = first & 0x0F or opcode
            if first & 0x80:
                return opcode, whole


class Session:
    """A guest's, section 4 and 14."""

    def __init__(self, hub, keys, name):
        self.line, self.waiting, self.last = Line(hub), [], 0
        hello = self.line.receive()
        self.hub_key, hub_nonce, nonce = from_text(hello["hub_key"]), from_text(hello["nonce"]), os.urandom(32)
        fields = ["guest", 1, self.hub_key, hub_nonce, nonce, keys.public, 0, self.line.dialled, b""]
        signature = p.ed25519_sign(keys.identity, signed_bytes("register", *fields))
        about = {"name": name, "platform": "python", "kind": "laptop", "version": "0.1.0"}
        self.line.send({
            "type": "register", "session_kind": "guest", "protocol": 1, "public_key": to_text(keys.public),
            "nonce": to_text(nonce), "session": 0, "dialled": self.line.dialled, "binding": "",
            **about, "signature": to_text(signature),
        })
        registered = self.line.receive()
        if registered["type"] == "error":
            raise SystemExit(f"error: {registered['message']}")
        if not p.ed25519_verify(self.hub_key, signed_bytes("hub", *fields), from_text(registered["signature"])):
            raise SystemExit("error: that is not the hub it says it is")

    def ask(self, message):
        self.last += 1
        self.line.send({**message, "id": str(self.last)})
        while True:
            answer = self.line.receive()
            if answer.get("id") != str(self.last):
                self.waiting.append(answer)
            elif answer["type"] == "error":
                raise SystemExit(f"error: {answer['message']}")
            else:
                return answer

    def next(self, *types):
        """The next message of these types; others are skipped, as a newer hub may say more."""
        while True:
            message = self.waiting.pop(0) if self.waiting else self.line.receive()
            if message["type"] in types:
                return message


class Paired:
    """What is kept of a pairing: the pin, the numbers of what was sent, and the receive keys made for the peer."""

    def __init__(self, keys, session, theirs, receive_secret):
        self.keys, self.session = keys, session
        self.peer, self.receive_key = from_text(theirs["identity_key"]), from_text(theirs["receive_key"])
        self.epoch, self.sequence, self.told_at = os.urandom(16), 0, 0
        self.secrets = {p.sha256(p.x25519_public(receive_secret)): receive_secret}
        self.complete = {}

    def send(self, text):
        self.sequence += 1
        place = Place(self.epoch, self.sequence, to_text(os.urandom(16)))
        payload = seal("message", self.keys, self.peer, self.receive_key, place, "text", text.encode(), os.urandom)
        self._relay(place.message_id, payload)

    def take(self, relay):
        """A text that came, or True for the peer's word that it has all that was sent, or None."""
        read = read_sealed(from_text(relay["payload"]))
        body = open_sealed(read, self.keys.public, self.peer, self.secrets)
        found = None
        if read.type == "ack":
            made_at = int.from_bytes(body[:8], "big")
            if made_at > self.told_at:
                self.told_at, self.receive_key = made_at, body[8:]
            found = read.place.epoch == self.epoch and read.place.sequence == self.sequence or None
        elif read.place.sequence == self.complete.get(read.place.epoch, 0) + 1:
            self.complete[read.place.epoch] = read.place.sequence
            found = body.decode() if read.kind == "text" else None
        # What came before its turn is not kept here, and not acknowledged: it comes again.
        self.session.line.send({"type": "relay_ack", "relay_id": relay["relay_id"]})
        if read.type == "message" and read.place.sequence <= self.complete.get(read.place.epoch, 0):
            self._acknowledge(read.place)
        return found

    def _acknowledge(self, place):
        secret, made_at = os.urandom(32), time.time_ns() // 1_000_000
        public = p.x25519_public(secret)
        self.secrets[p.sha256(public)] = secret
        body = u64(made_at) + public
        payload = seal("ack", self.keys, self.peer, self.receive_key, place, "", body, os.urandom)
        self._relay(f"ack-{to_text(place.epoch)}-{place.sequence}", payload)

    def _relay(self, name, payload):
        to = to_text(self.peer)
        self.session.ask({"type": "send", "to": to, "message": name, "payload": to_text(payload)})


def join(session, keys, code, nickname):
    receive_secret = os.urandom(32)
    joiner = Joiner(keys, session.hub_key, code, side(keys, receive_secret, nickname, "laptop"), os.urandom)
    session.ask({"type": "join_pairing", "mailbox": joiner.mailbox})
    say = lambda message: session.line.send(
        {"type": "pairing_message", "mailbox": joiner.mailbox, "payload": to_json(message)})
    say(joiner.join())
    say(joiner.answer(json.loads(session.next("pairing_message")["payload"])))
    theirs = joiner.finish(json.loads(session.next("pairing_message")["payload"]))
    session.ask({"type": "paired", "peer": theirs["identity_key"]})
    while session.next("paired")["peer"] != theirs["identity_key"]:
        pass
    return theirs, receive_secret, joiner.proof.words


def word_list():
    """The 2,048 words stand in the source of the protocol."""
    path = os.path.join(os.path.dirname(__file__), "..", "..", "src", "protocol", "safety-words.ts")
    with open(path, encoding="utf-8") as file:
        return file.read().split("`")[1].split()


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    hub, code, text = sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3]
    keys = Keys(os.urandom(32), os.urandom(32))
    session = Session(hub, keys, "A Python program")
    try:
        theirs, receive_secret, words = join(session, keys, code, "A Python program")
    except ValueError as problem:
        raise SystemExit(f"error: {problem}")
    print(f"paired with {theirs['nickname']} ({device_id(from_text(theirs['identity_key']))})", flush=True)
    print(f"both show: {safety_words(words, word_list())}", flush=True)
    peer = Paired(keys, session, theirs, receive_secret)
    peer.send(text)
    delivered = came = False
    while not (delivered and came):
        try:
            found = peer.take(session.next("relay"))
        except (ValueError, KeyError) as problem:
            print(f"refused: {problem}", flush=True)
            continue
        if found is True:
            delivered = True
            print("delivered", flush=True)
        elif found is not None:
            came = True
            print(f"came: {found}", flush=True)


if __name__ == "__main__":
    main()

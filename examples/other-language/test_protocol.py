"""The examples of docs/protocol.md, made anew by this client: `python3 test_protocol.py`."""

import os
import re
import unittest

import primitives as p
from peer import word_list
from protocol import (
    Joiner, Keys, Place, associated_data, channel_identifier, device_id, from_text, open_sealed, read_sealed,
    safety_words, seal, side, to_json, to_text, u64,
)

with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "protocol.md"), encoding="utf-8") as file:
    DOCUMENT = file.read()


def row(name):
    return re.search(rf"^\| `{re.escape(name)}`[^|]*\| `([^|]+)` \|$", DOCUMENT, re.M).group(1)


def filled(byte, length=32): return bytes([byte]) * length


HUB = p.ed25519_public(filled(2))
MAKER, JOINER = Keys(filled(1), filled(7)), Keys(filled(9), filled(10))
MAKER_SIDE, JOINER_SIDE = side(MAKER, filled(8), "Anna", "laptop"), side(JOINER, filled(11), "Ben", "browser")
PLACE = Place(filled(14, 16), 1, to_text(filled(15, 16)))


class Examples(unittest.TestCase):
    def test_keys_have_their_ids(self):
        self.assertEqual(to_text(MAKER.public), row("device key"))
        self.assertEqual(device_id(MAKER.public), row("device id"))
        self.assertEqual(device_id(HUB), row("hub id"))

    def test_the_joiner_says_what_stands_there_and_believes_the_maker(self):
        self.assertEqual(channel_identifier(HUB, "K7", "code").hex(), row("CI"))
        self.assertEqual(associated_data("maker", MAKER_SIDE).hex(), row("ADa"))
        self.assertEqual(associated_data("joiner", JOINER_SIDE).hex(), row("ADb"))
        joiner = Joiner(JOINER, HUB, "k7-q2mx", JOINER_SIDE, lambda length: filled(13, length))
        self.assertEqual(to_json(joiner.join()), row("join"))
        offer = {"step": 1, "session": to_text(filled(12, 16)), "share": row("Ya"), "side": MAKER_SIDE}
        answer = joiner.answer(offer)
        self.assertEqual(answer["share"], row("Yb"))
        self.assertEqual(answer["tag"], row("joiner tag"))
        self.assertEqual(answer["signature"], row("joiner signature"))
        confirm = {"step": 3, "tag": row("maker tag"), "signature": row("maker signature")}
        self.assertEqual(joiner.finish(confirm), MAKER_SIDE)
        self.assertEqual(safety_words(joiner.proof.words, word_list()), row("safety words"))
        confirm["tag"] = row("joiner tag")
        with self.assertRaises(ValueError):
            joiner.finish(confirm)

    def test_the_message_is_sealed_as_it_stands_there_and_opens(self):
        receive = p.x25519_public(filled(11))
        sealed = seal(
            "message", MAKER, JOINER.public, receive, PLACE, "text", b"hello", lambda length: filled(16, length))
        self.assertEqual(to_text(sealed), row("sealed message"))
        secrets = {p.sha256(receive): filled(11)}
        self.assertEqual(open_sealed(read_sealed(sealed), JOINER.public, MAKER.public, secrets), b"hello")
        for at in (40, 70, 120, 200, len(sealed) - 1):
            changed = bytearray(sealed)
            changed[at] ^= 1
            with self.assertRaises((ValueError, KeyError)):
                open_sealed(read_sealed(bytes(changed)), JOINER.public, MAKER.public, secrets)

    def test_the_acknowledgement_too(self):
        body = u64(1_795_000_000_000) + p.x25519_public(filled(18))
        receive = p.x25519_public(filled(8))
        sealed = seal("ack", JOINER, MAKER.public, receive, PLACE, "", body, lambda length: filled(17, length))
        self.assertEqual(to_text(sealed), row("sealed acknowledgement"))
        secrets = {p.sha256(receive): filled(8)}
        read = read_sealed(from_text(row("sealed acknowledgement")))
        self.assertEqual(open_sealed(read, MAKER.public, JOINER.public, secrets), body)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""A Muster plugin: counts the words of a text and tells after each line how far it is.

Each call runs in a thread of its own, so that a long one neither holds up the others nor keeps this program from
hearing that it was taken back.
"""
import json
import sys
import threading

out = threading.Lock()
cancelled = set()


def say(message):
    line = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False)
    with out:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def count(id, params):
    request, payload = params["request_id"], params["payload"]
    text = payload.get("text") if isinstance(payload, dict) else None
    if not isinstance(text, str):
        return say({"id": id, "error": {"code": -32602, "message": "`text` must be a text"}})
    words = {}
    for line in text.splitlines():
        if request in cancelled:
            cancelled.discard(request)
            return say({"id": id, "error": {"code": -32000, "message": "taken back"}})
        for word in line.lower().split():
            words[word] = words.get(word, 0) + 1
        part = {"request_id": request, "data": {"words": sum(words.values())}}
        say({"method": "capability.part", "params": part})
    say({"id": id, "result": {"words": sum(words.values()), "distinct": len(words)}})


for line in sys.stdin:
    message = json.loads(line)
    method, id, params = message.get("method"), message.get("id"), message.get("params", {})
    if method == "capability.call":
        threading.Thread(target=count, args=(id, params), daemon=True).start()
    elif method == "capability.cancel":
        cancelled.add(params["request_id"])
    elif method == "plugin.hello":
        say({"id": id, "result": {}})
    elif id is not None:
        say({"id": id, "error": {"code": -32601, "message": f"no method {method}"}})

"""Plays the original's producers and consumers. See client.py for the usage.

Commands, keys and bytes are those of docs/redis-data-model.md; the original's lack of atomicity is
kept.
"""

import json
import re
import secrets
import time
from datetime import datetime, timezone

from client import Redis, serve

LEVELS = (9, 5, 1)
MESSAGE_KEYS = ["message_id", "sender", "recipient", "message_type", "payload", "priority", "routing",
                "timestamp"]
ENVELOPE_KEYS = ["message", "priority", "enqueued_at", "delivery_attempts", "last_error"]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")


def micros():
    return int(time.time() * 1_000_000)


def iso_now():
    return datetime.now(timezone.utc).isoformat()


class Original:
    def __init__(self, port, prefix, redis=None):
        self.redis = redis or Redis(port)
        self.prefix = prefix

    def key(self, part, agent):
        return f"{self.prefix}:{part}:{agent['type']}:{agent.get('instance') or 'default'}"

    def schedule(self, agent, level):
        return f"{self.key('sched', agent)}:prio:{level}"

    def raw(self, agent, raw, level):
        """Puts text into a mailbox as a producer does, whatever it is."""
        raw = raw.encode()
        self.redis("RPUSH", self.key("queue", agent), raw)
        self.redis("ZADD", self.schedule(agent, level), micros(), raw)

    def send(self, to, message):
        """`message` has what an agent gives; payload_json stands for a payload of any value."""
        if self.redis("LLEN", self.key("queue", to)) >= 10_000:
            return None
        full = {
            "message_id": message["message_id"],
            "sender": message.get("sender", {"type": "input_processor", "instance": None}),
            "recipient": to,
            "message_type": message.get("message_type", "request"),
            "payload": json.loads(message.get("payload_json", "{}")),
            "priority": message.get("priority", 5),
            "routing": message.get("routing", {"topic": None, "tags": []}),
            "timestamp": message.get("timestamp") or iso_now(),
        }
        envelope = {"message": full, "priority": full["priority"], "enqueued_at": iso_now(),
                    "delivery_attempts": 0, "last_error": None}
        raw = json.dumps(envelope)
        self.raw(to, raw, full["priority"])
        return raw

    def receive(self, agent, visibility):
        now = micros()
        for level in LEVELS:
            found = self.redis("ZRANGEBYSCORE", self.schedule(agent, level), "-1", now,
                               "LIMIT", 0, 1)
            if not found:
                continue
            raw = found[0]
            self.redis("ZREM", self.schedule(agent, level), raw)
            token = "res_" + secrets.token_hex(8)
            self.redis("HSET", self.key("reserved", agent), token, raw)
            deadline = now + int(visibility * 1_000_000)
            self.redis("ZADD", self.key("reserved_deadlines", agent), deadline, token)
            return {"token": token, "raw": raw.decode(), **self.check(raw.decode())}
        return None

    def settle(self, agent, token):
        raw = self.redis("HGET", self.key("reserved", agent), token)
        self.redis("HDEL", self.key("reserved", agent), token)
        self.redis("ZREM", self.key("reserved_deadlines", agent), token)
        return raw

    def ack(self, agent, token):
        raw = self.settle(agent, token)
        if raw is None:
            return False
        self.redis("LREM", self.key("queue", agent), 1, raw)
        return True

    def nack(self, agent, token, permanent, error):
        raw = self.settle(agent, token)
        if raw is None:
            return False
        envelope = json.loads(raw)
        envelope["delivery_attempts"] += 1
        envelope["last_error"] = error
        new = json.dumps(envelope).encode()
        self.redis("LREM", self.key("queue", agent), 1, raw)
        self.redis("RPUSH", self.key("queue", agent), new)
        if permanent or envelope["delivery_attempts"] > 3:
            self.redis("RPUSH", self.key("dlq", agent), new)
            self.redis("LREM", self.key("queue", agent), 1, new)
        else:
            self.redis("ZADD", self.schedule(agent, envelope["priority"]), micros(), new)
        return True

    def recover(self, agent):
        deadlines, reserved = self.key("reserved_deadlines", agent), self.key("reserved", agent)
        recovered = 0
        for token in self.redis("ZRANGEBYSCORE", deadlines, "-1", micros()):
            raw = self.redis("HGET", reserved, token)
            if raw is not None:
                level = json.loads(raw)["priority"]
                self.redis("ZADD", self.schedule(agent, level), micros(), raw)
                recovered += 1
            self.redis("HDEL", reserved, token)
            self.redis("ZREM", deadlines, token)
        return recovered

    def subscribe(self, agent, types):
        self.redis("SADD", self.key("subs", agent), *types)

    def subscriptions(self, agent):
        return sorted(it.decode() for it in self.redis("SMEMBERS", self.key("subs", agent)))

    def dead(self, agent):
        return [it.decode() for it in self.redis("LRANGE", self.key("dlq", agent), 0, -1)]

    def check(self, raw):
        """What the original's models would find in a message, and whether they would read it."""
        envelope = json.loads(raw)
        message = envelope["message"]
        assert message["message_type"] in ("request", "response", "event"), message
        assert isinstance(message["payload"], dict), message
        assert message["priority"] in LEVELS and envelope["priority"] in LEVELS, envelope
        assert len(message["message_id"]) >= 6, message
        assert isinstance(message["routing"]["tags"], list), message
        return {
            "round_trips": json.dumps(envelope) == raw,
            "in_order": list(envelope) == ENVELOPE_KEYS and list(message) == MESSAGE_KEYS
                        and list(message["sender"]) == ["type", "instance"]
                        and list(message["routing"]) == ["topic", "tags"],
            "timestamps": all(TIMESTAMP.fullmatch(it or "") is not None
                              for it in (message["timestamp"], envelope["enqueued_at"])),
            "message_id": message["message_id"],
            "payload_json": json.dumps(message["payload"]),
            "attempts": envelope["delivery_attempts"],
            "last_error": envelope["last_error"],
        }

    def look(self, agent):
        """Every key of a mailbox: its type and content, scores as the server shows them."""
        found = {}
        names = ["queue", "reserved", "reserved_deadlines", "dlq", "subs"]
        keys = {name: self.key(name, agent) for name in names}
        keys.update({f"sched:{level}": self.schedule(agent, level) for level in LEVELS})
        for name, key in keys.items():
            kind = self.redis("TYPE", key)
            if kind == "none":
                continue
            assert self.redis("PTTL", key) == -1, f"{key} has a TTL"
            content = {
                "list": ("LRANGE", key, 0, -1),
                "zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
                "hash": ("HGETALL", key),
                "set": ("SMEMBERS", key),
            }[kind]
            found[name] = {"type": kind, "content": [it.decode() for it in self.redis(*content)]}
        return found


if __name__ == "__main__":
    serve(Original)

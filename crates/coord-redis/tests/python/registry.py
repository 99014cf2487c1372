"""Plays the original's registry. See client.py for the usage.

Keys and bytes are those of docs/registry.md; the original's lack of atomicity is kept.
"""

import json
import time

from client import Redis, serve

TTL_MS = 30_000


class Registry:
    def __init__(self, port, prefix):
        self.redis = Redis(port)
        self.port = port
        self.prefix = prefix
        self.listener = None

    def key(self, part, agent):
        return f"{self.prefix}:{part}:{agent['type']}:{agent.get('instance') or 'default'}"

    def register(self, agent, name, state=None, capabilities=None):
        """As the original: restore, store the record, add it to the index."""
        key = self.key("agents", agent)
        before = self.redis("GET", key)
        status = {"name": name, "agent_id": agent, "running": True, "degraded": False,
                  "status": "idle", "metrics": {"uptime_s": 0.5, "requests": 1, "errors": 0}}
        record = {"name": name, "agent_id": agent, "status": status, "last_heartbeat": time.time()}
        if state:
            record["state"] = state
        self.redis("SET", key, json.dumps(record), "PX", TTL_MS)
        self.redis("SADD", f"{self.prefix}:agents:index", key)
        if capabilities:
            key = self.key("capabilities", agent)
            self.redis("SET", key, json.dumps(capabilities), "PX", TTL_MS)
            self.redis("SADD", f"{self.prefix}:capabilities:index", key)
        return before and json.loads(before).get("state")

    def deregister(self, agent):
        key, capabilities = self.key("agents", agent), self.key("capabilities", agent)
        self.redis("DEL", key)
        self.redis("SREM", f"{self.prefix}:agents:index", key)
        self.redis("DEL", capabilities)
        self.redis("SREM", f"{self.prefix}:capabilities:index", capabilities)

    def vanish(self, agent):
        """A crash whose time to live is over: the record goes, the index stays."""
        self.redis("DEL", self.key("agents", agent))

    def list(self):
        """As the original: the index, then one GET each; alive by the record's own time."""
        found = []
        for key in sorted(self.redis("SMEMBERS", f"{self.prefix}:agents:index")):
            raw = self.redis("GET", key)
            if raw is None:
                continue
            record = json.loads(raw)
            assert list(record)[:4] == ["name", "agent_id", "status", "last_heartbeat"], record
            assert list(record["status"]) == ["name", "agent_id", "running", "degraded", "status",
                                              "metrics"], record
            # Written as json.dumps writes it, float digits and escapes included.
            assert json.dumps(record) == raw.decode(), raw
            age = time.time() - record["last_heartbeat"]
            found.append({**record, "alive": age <= TTL_MS / 1000})
        return found

    def capabilities(self):
        found = []
        for key in sorted(self.redis("SMEMBERS", f"{self.prefix}:capabilities:index")):
            raw = self.redis("GET", key)
            if raw is not None:
                blob = json.loads(raw)
                assert json.dumps(blob) == raw.decode(), raw
                assert 0 <= self.redis("PTTL", key) <= TTL_MS
                found.append(blob)
        return found

    def listen(self, channels):
        self.listener = Redis(self.port)
        for number, channel in enumerate(["all", "agent_status"]):
            assert self.listener("SUBSCRIBE", f"{channels}:{channel}")[2] == number + 1

    def heard(self, count):
        """The next messages: channel and event, checked as the original's subscriber does."""
        messages = []
        for _ in range(count):
            _, channel, raw = self.listener.reply()
            event = json.loads(raw)
            assert {"event_id", "event_type", "timestamp", "source", "data"} <= set(event), event
            assert json.dumps(event, separators=(",", ":"), ensure_ascii=False) == raw.decode(), raw
            messages.append([channel.decode().rsplit(":", 1)[1], event])
        return messages


if __name__ == "__main__":
    serve(Registry)

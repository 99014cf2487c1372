"""Plays a fleet of the original's producers and consumers that crash between two commands.

See client.py for the usage. Every step runs in a process of its own, with a connection of its own,
and a crash is the end of that process.
"""

import os
import random
import time

from client import Redis, serve
from original import Original

# After how many replies a step may crash, per verb; None for not at all. A nack that crashes after
# its fourth reply has removed the message and not stored it anew: nothing could restore it.
CRASHES = {
    "send": [2],
    "receive": [1, 2, 3, 4, 5],
    "ack": [1, 2, 3],
    "nack": [1, 2, 3, 5],
}


class Fleet:
    def __init__(self, port, prefix):
        self.port = port
        self.prefix = prefix

    def original(self, crash_after=None):
        return Original(self.port, self.prefix, Redis(self.port, crash_after))

    def crash(self, verb, after, **request):
        """One operation that crashes after so many replies: whether it got as far."""
        return self.apart(lambda: getattr(self.original(after), verb)(**request)) is None

    def apart(self, step):
        """Runs `step` in a process of its own: what it returned as text, or None if it died."""
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(here)
            status = 1
            try:
                os.write(there, str(step()).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(there)
        with os.fdopen(here, "rb") as answers:
            answer = answers.read()
        _, status = os.waitpid(child, 0)
        assert status == 0 or os.WIFSIGNALED(status), f"a step failed with status {status}"
        return answer.decode() if status == 0 else None

    def produce(self, to, name, count, seed):
        """Sends `count` messages; every fifth send crashes before the message is scheduled."""
        draw = random.Random(seed)
        for number in range(count):
            message = {"message_id": f"{name}-{number:06}", "priority": draw.choice([9, 5, 1])}
            after = draw.choice(CRASHES["send"]) if draw.random() < 0.2 else None
            self.apart(lambda: self.original(after).send(to, message))
        return count

    def consume(self, agent, until, seed):
        """Receives and settles until `until` messages are settled for good, crashing in about every
        third step; gives up when nothing comes any more. The ids it settled, and the crashes.
        """
        draw = random.Random(seed)
        settled, crashes, idle = [], 0, 0
        while len(settled) < until and idle < 200:
            done = self.apart(lambda: self.step(agent, random.Random(draw.random())))
            draw.random()
            if done is None:
                crashes += 1
            elif done == "nothing":
                idle += 1
                time.sleep(0.005)
            elif done != "nacked":
                settled.append(done)
        return {"settled": settled, "crashes": crashes}

    def step(self, agent, draw):
        crash = draw.choice(["receive", "settle", None, None, None])
        original = self.original(draw.choice(CRASHES["receive"]) if crash == "receive" else None)
        received = original.receive(agent, 600)
        if received is None:
            return "nothing"
        verb = draw.choice(["ack", "ack", "nack"])
        original.redis.commands = 0
        original.redis.crash_after = draw.choice(CRASHES[verb]) if crash == "settle" else None
        if verb == "ack":
            return received["message_id"] if original.ack(agent, received["token"]) else "nacked"
        original.nack(agent, received["token"], False, "try again")
        return "nacked"


if __name__ == "__main__":
    serve(Fleet)

"""What every program here needs: a Redis client on nothing but a socket, and the loop that answers.

Only the standard library is used.
"""

import json
import os
import signal
import socket
import sys


class Redis:
    """A client of RESP2 that sends one command and reads its reply.

    With `crash_after`, the process dies as by SIGKILL when it has read that many replies.
    """

    def __init__(self, port, crash_after=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.replies = self.socket.makefile("rb")
        self.crash_after = crash_after
        self.commands = 0

    def __call__(self, *args):
        parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
        command = b"*%d\r\n" % len(parts)
        for part in parts:
            command += b"$%d\r\n%s\r\n" % (len(part), part)
        self.socket.sendall(command)
        reply = self.reply()
        self.commands += 1
        if self.commands == self.crash_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply

    def reply(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.replies.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        raise RuntimeError(line.decode(errors="replace"))


def serve(make):
    """Usage of every program: NAME.py PORT PREFIX. Reads one JSON request a line,
    {"do": verb, ...}, and answers one JSON line, {"ok": value} or {"error": text}; the verbs are
    the methods of what `make` gives for port and prefix.
    """
    player = make(int(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        request = json.loads(line)
        verb = request.pop("do")
        try:
            answer = {"ok": getattr(player, verb)(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)

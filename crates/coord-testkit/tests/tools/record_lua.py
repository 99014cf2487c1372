"""Records what a real Redis answers to the Lua cases.

Usage: record_lua.py CASES OUTPUT [PATH_OF_REDIS_SERVER]

Starts a server on a free loopback port, plays every case on a fresh connection
after a flush, and writes requests and replies. Python's standard library only.

A line of CASES is one case:
    # text         a heading
    lua code       EVAL "lua code" 0
    ! A b "c d"    a command; several are separated by " ;; ". Quoted words know
                   \\n \\r \\t \\" \\\\ and \\xNN. "~" instead of "!" in front of
                   a command: its reply is not recorded.
"""

import socket
import subprocess
import sys
import time


def words(text):
    out, at = [], 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        word = bytearray()
        if text[at] == '"':
            at += 1
            while text[at] != '"':
                if text[at] != "\\":
                    word += text[at].encode()
                    at += 1
                    continue
                letter = text[at + 1]
                at += 2
                if letter == "x":
                    word.append(int(text[at:at + 2], 16))
                    at += 2
                else:
                    word += {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "\\": b"\\"}[letter]
            at += 1
        else:
            while at < len(text) and text[at] != " ":
                word += text[at].encode()
                at += 1
        out.append(bytes(word))
    return out


def shown(data):
    out = ""
    for byte in data:
        if byte in b'"\\':
            out += "\\" + chr(byte)
        elif 32 <= byte < 127:
            out += chr(byte)
        else:
            out += {10: "\\n", 13: "\\r", 9: "\\t"}.get(byte, "\\x%02x" % byte)
    return '"' + out + '"'


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def ask(self, args):
        request = b"*%d\r\n" % len(args)
        for arg in args:
            request += b"$%d\r\n%s\r\n" % (len(arg), arg)
        self.socket.sendall(request)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the server closed the connection")
        kind, rest = line[:1], line[1:]
        if kind in b"$=!" and int(rest) >= 0:
            return line + self.file.read(int(rest) + 2)
        if kind in b"*%~>" and int(rest) >= 0:
            count = int(rest) * (2 if kind == b"%" else 1)
            return line + b"".join(self.reply() for _ in range(count))
        return line


def commands(line):
    if line[:2] not in ("! ", "~ "):
        return [(True, [b"EVAL", line.encode(), b"0"])]
    return [(part[0] == "!", words(part[2:])) for part in line.split(" ;; ")]


def main():
    cases, output = sys.argv[1:3]
    program = sys.argv[3] if len(sys.argv) > 3 else "redis-server"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                Connection(port).ask([b"PING"])
                break
            except OSError:
                time.sleep(0.05)
        with open(cases) as source, open(output, "w") as target:
            record(port, source, target)
    finally:
        server.kill()
        server.wait()


def record(port, source, target):
    for line in source:
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            target.write(line + "\n")
            continue
        connection = Connection(port)
        for flush in ([b"FLUSHALL"], [b"SCRIPT", b"FLUSH"], [b"FUNCTION", b"FLUSH"]):
            connection.ask(flush)
        target.write("case\n")
        for kept, args in commands(line):
            target.write("> " + " ".join(shown(arg) for arg in args) + "\n")
            try:
                reply = connection.ask(args)
            except (EOFError, OSError) as problem:
                sys.exit(f"{line}: {problem}")
            if kept:
                target.write("< " + shown(reply) + "\n")


main()

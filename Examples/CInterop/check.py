"""Drives the programs of this directory as their users would, and says for each thing whether it is so.

Usage: check.py BIN_DIR [COMMAND ...], where the command, such as valgrind, runs the programs.
"""

import os
import pathlib
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

BIN = pathlib.Path(sys.argv[1]).resolve()
RUNNER = sys.argv[2:]
LIMIT = 60 if RUNNER else 20  # seconds that anything here may take
MEGABYTES = 2 if RUNNER else 64


class Program:
    """A running program, whose output is read line by line."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen(
            [*RUNNER, BIN / name, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self):
        return self.lines.get(timeout=LIMIT)

    def end(self, number=None):
        """Sends a signal, if there is one, and waits for the program's good end; returns what else it printed."""
        if number:
            self.process.send_signal(number)
        status = self.process.wait(LIMIT)
        rest = list(iter(self.line, None))
        assert status == 0, f"it ended with {status}: {rest}"
        return rest

    def end_quietly(self, number=None):
        rest = [line for line in self.end(number) if not (RUNNER and "held the loop up" in line)]
        assert not rest, f"it said {rest}"


class Peer:
    """One end of a connection, which nothing may keep for longer than the limit."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.input = self.socket.makefile("rb")

    def ask(self, text):
        self.socket.sendall(text.encode() + b"\n")
        return self.line()

    def line(self):
        """The next line; empty at the end, be that a reset."""
        try:
            return self.input.readline().decode().rstrip("\r\n")
        except ConnectionResetError:
            return ""

    def close(self):
        self.input.close()
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def until(condition):
    """Asks again until it is so: what another process does takes its time."""
    end = time.monotonic() + LIMIT
    while not (outcome := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return outcome


# The server, with its port that Swift administers

def start_server():
    server = Program("server")
    line = server.line()
    ports = re.fullmatch(r"echo on (\d+), admin on (\d+)", line)
    assert ports, line
    return server, *map(int, ports.groups())


def check_server():
    """a C program's echo server and a Swift admin port on one event_base"""
    server, echo, admin = start_server()
    person, boss = Peer(echo), Peer(admin)
    assert person.line() == "hello"
    assert person.ask("to and fro") == "to and fro"
    assert boss.ask("stats") == "1 connections now, 1 ever, 11 bytes"
    assert boss.ask("greet good morning") == "ok"
    other = Peer(echo)
    assert other.line() == "good morning"
    assert boss.ask("greet " + 100 * "x") == "too long"
    assert boss.ask("?") == "stats, watch, greet TEXT or stop?"
    other.reset()
    until(lambda: boss.ask("stats").startswith("1 connections now, 2 ever"))
    # While Swift's timers and connections are at work, and end in every way, C's go on.
    watchers = [Peer(admin) for _ in range(10)]
    for watcher in watchers:
        assert watcher.ask("watch").startswith("1 connections")
    for number in range(100):
        assert person.ask(f"line {number}") == f"line {number}"
    for number, watcher in enumerate(watchers):
        assert watcher.line().startswith("1 connections")
        watcher.reset() if number % 2 else watcher.close()
    assert boss.ask("stop") == "stopping"
    assert boss.line() == ""
    server.end_quietly()
    person.close()
    boss.close()


def check_server_signal():
    """the C program's own signal handlers, with open connections of Spindle's at the end"""
    server, echo, admin = start_server()
    person, boss = Peer(echo), Peer(admin)
    assert boss.ask("watch").endswith(" bytes")
    server.end_quietly(signal.SIGTERM)
    person.close()
    boss.close()


def check_two_objects():
    """a factory that one shared object registers is mounted through another"""
    server, _, admin = start_server()
    maps = pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
    for name in ["libadmin.so", "libspindle.so"]:
        assert name in maps, maps
    defined = subprocess.run(["nm", "-D", "--defined-only", BIN / "libadmin.so"], check=True, capture_output=True, text=True)
    assert "admin_register" in defined.stdout
    assert "spindle_mount" not in defined.stdout and "SpindleRegistryO" not in defined.stdout, "it has a libspindle of its own"
    boss = Peer(admin)
    assert boss.ask("stop") == "stopping"
    server.end_quietly()
    boss.close()


# The forwarder, which has spindle.h alone

def start_forward(target):
    forward = Program("forward", "tcp:0:interface=127.0.0.1", target)
    line = forward.line()
    port = re.match(r"forwarding 127\.0\.0\.1:(\d+) to ", line)
    assert port, line
    return forward, int(port[1])


def listen():
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(LIMIT)
    return server, server.getsockname()[1]


def check_forward():
    """megabytes both ways through a C program on its own loop, past a slow reader, with the ends in order"""
    server, target = listen()
    forward, port = start_forward(f"tcp:127.0.0.1:{target}")
    payload = os.urandom(1 << 20)
    received = {}

    def serve():
        peer, _ = server.accept()
        with peer:
            peer.settimeout(LIMIT)
            time.sleep(0.3)  # slow: what was sent meanwhile has to wait
            received["there"] = read_all(peer)
            for _ in range(MEGABYTES):
                peer.sendall(payload)

    def read_all(peer):
        count = 0
        while chunk := peer.recv(1 << 18):
            position = count % len(payload)
            count += len(chunk)
            assert (payload + payload)[position:position + len(chunk)] == chunk, "not what was sent"
        return count

    thread = threading.Thread(target=serve)
    thread.start()
    client = Peer(port)
    for _ in range(MEGABYTES):
        client.socket.sendall(payload)
    client.socket.shutdown(socket.SHUT_WR)
    received["back"] = read_all(client.socket)
    thread.join()
    assert received == {"there": MEGABYTES << 20, "back": MEGABYTES << 20}, received
    client.close()
    server.close()
    forward.end_quietly(signal.SIGTERM)


def check_forward_refused():
    """a refused connection, resets, and a stop with connections open"""
    server, target = listen()
    forward, port = start_forward(f"tcp:127.0.0.1:{target}")
    ours = [Peer(port) for _ in range(20)]
    theirs = [server.accept()[0] for _ in ours]
    for peer in ours[:10]:
        peer.reset()
    until(lambda: not forward.lines.empty())
    server.close()
    refused = Peer(port)
    try:
        assert refused.socket.recv(1) == b""
    except ConnectionResetError:
        pass
    rest = forward.end(signal.SIGINT)
    assert any("Connection refused" in line for line in rest), rest
    for peer in [*ours[10:], refused, *theirs]:
        peer.close()


# The rest

def check_header():
    """every function of spindle.h is there, in a header for C89 and C++"""
    prefix = BIN.parent / "prefix"
    header = prefix / "include/spindle.h"
    declared = set(re.findall(r"^(?!\s*[*#/]).*?\b(spindle_\w+)\(", header.read_text(), re.MULTILINE))
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", prefix / "lib/libspindle.so"], check=True, capture_output=True, text=True).stdout
    exported = set(re.findall(r" T (spindle_\w+)", symbols))
    assert declared == exported, declared ^ exported
    for compiler in [["cc", "-x", "c", "-std=c89"], ["c++", "-x", "c++", "-std=c++98"]]:
        flags = ["-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        subprocess.run([*compiler, *flags, "-"], input=f'#include "{header}"\n', check=True, text=True)


def main():
    checks = [check_header]
    if (BIN / "server").exists():
        checks += [check_server, check_server_signal, check_two_objects]
    checks += [check_forward, check_forward_refused]
    failed = False
    for check in checks:
        try:
            check()
            print(f"ok: {check.__doc__}", flush=True)
        except Exception as error:
            failed = True
            print(f"FAILED: {check.__doc__}: {type(error).__name__}: {error}", flush=True)
    for name in ["errors", "attached", "attached-static", "static"]:
        program = Program(name)
        try:
            for line in program.end():
                print(f"{line} ({name})", flush=True)
        except Exception as error:
            failed = True
            print(f"FAILED: {name}: {error}", flush=True)
    sys.exit(failed)


main()

"""What the checks of the examples share: started programs, and lines awaited with a time limit."""

import os
import pathlib
import queue
import signal
import socket
import subprocess
import threading
import time
import unittest

BIN = pathlib.Path(os.environ["SPINDLE_EXAMPLES"])
LIMIT = 10  # seconds that anything here may take


class Program:
    """A running program whose output is read line by line."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line.decode())

    def say(self, text):
        self.process.stdin.write(text.encode())

    def expect(self, text):
        """Waits for the next line and wants it to start with the text; returns the rest."""
        try:
            line = self.lines.get(timeout=LIMIT).rstrip("\r\n")
        except queue.Empty:
            raise AssertionError(f"waited {LIMIT} s for {text!r}") from None
        if not line.startswith(text):
            raise AssertionError(f"expected {text!r}, got {line!r}")
        return line[len(text):]

    def end(self, number=signal.SIGTERM):
        """Sends the signal; returns the exit status and the seconds until the end."""
        start = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(LIMIT)
        return status, time.monotonic() - start

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


class Person:
    """Somebody with a telnet of their own habits: which end of line they send."""

    def __init__(self, port, newline):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.input = self.socket.makefile("rb")
        self.newline = newline

    def say(self, text):
        self.socket.sendall((text + self.newline).encode())

    def close(self):
        self.input.close()
        self.socket.close()


class PeerTest(unittest.TestCase):
    def start(self, *command):
        program = Program(*command)
        self.addCleanup(program.close)
        return program

    def serve(self, name, *arguments):
        """Starts an example server on a free port; returns it and the port."""
        server = self.start(BIN / name, "--port", 0, *arguments)
        return server, int(server.expect("Listening on 127.0.0.1:").split()[0])

    def connect(self, port):
        peer = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.addCleanup(peer.close)
        return peer

    def assertHears(self, person, text):
        self.assertEqual(person.input.readline(), (text + "\r\n").encode())


def receive(peer, count):
    """Exactly so many bytes, fewer only where the peer ends."""
    received = bytearray()
    while len(received) < count and (chunk := peer.recv(min(65536, count - len(received)))):
        received += chunk
    return bytes(received)

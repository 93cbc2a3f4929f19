#!/usr/bin/env python3
"""libevent's own sample programs, compiled unchanged, with Spindle as a guest on their bases (rule I1).

Usage: test_samples.py PREFIX, where scripts/libspindle has installed to.
"""
import http.client
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

SAMPLES = pathlib.Path("/usr/share/doc/libevent-dev/examples")
HERE = pathlib.Path(__file__).parent
PREFIX = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
LIMIT = 10  # seconds, for anything


def compiler():
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Program:
    """A sample at work, with the guest in it. What it prints is read line by line."""

    def __init__(self, *command, directory, guest, environment=()):
        self.process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "LD_PRELOAD": str(guest), **dict(environment)}, text=True, bufsize=1)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, beginning):
        """The next line that begins so, without the beginning."""
        while True:
            line = self.lines.get(timeout=LIMIT)
            if line is None:
                raise AssertionError(f"it ended without saying {beginning!r}, but {self.seen}")
            self.seen.append(line)
            if line.startswith(beginning):
                return line[len(beginning):].strip()

    def numbers(self, *beginnings):
        """The numbers behind each of the beginnings, in whatever order they come."""
        found = {}
        while len(found) < len(beginnings):
            line = self.line("")
            for beginning in beginnings:
                if line.startswith(beginning) and line[len(beginning):].strip().isdigit():
                    found.setdefault(beginning, int(line[len(beginning):]))
        return [found[beginning] for beginning in beginnings]

    def end(self):
        """Waits for its end, and returns its status."""
        return self.process.wait(LIMIT)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def echoes(port, text):
    """Whether the guest echoes."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.sendall(text)
        received = b""
        while len(received) < len(text):
            received += connection.recv(4096) or b"(end)"
        return received == text


def dismiss(port):
    """Has the guest close its port."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.sendall(b"quit")
        while connection.recv(4096):
            pass


class SampleTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.directory.name)
        # Headers of libevent's own that no package has: what the samples want of them.
        (root / "sample").mkdir()
        (root / "util-internal.h").write_text("#include <sys/un.h>\n")
        (root / "sample" / "util-internal.h").write_text("")
        (root / "sample" / "openssl-compat.h").write_text("")
        cls.guest = root / "guest.so"
        cls.compile(cls.guest, HERE / "guest.c", "-shared", "-fPIC", f"-I{PREFIX}/include", f"-L{PREFIX}/lib", "-lspindle",
                    f"-Wl,-rpath,{PREFIX}/lib", "-levent_pthreads", "-ldl")

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    @classmethod
    def compile(cls, target, source, *options):
        root = cls.directory.name
        subprocess.run([compiler(), "-w", "-g", f"-I{root}/sample", "-o", target, source, *options], check=True, timeout=60)

    def sample(self, name, *libraries):
        binary = pathlib.Path(self.directory.name) / name
        if not binary.exists():
            self.compile(binary, SAMPLES / f"{name}.c", *libraries, "-levent_core")
        return binary

    def run_sample(self, name, *arguments, libraries=(), **environment):
        program = Program(self.sample(name, *libraries), *arguments, directory=self.directory.name, guest=self.guest,
                          environment=environment.items())
        self.addCleanup(program.close)
        return program

    def test_hello_world(self):
        self.hello_world()

    def test_hello_world_with_locks(self):
        self.hello_world(GUEST_LOCKS="yes")

    def hello_world(self, **environment):
        program = self.run_sample("hello-world", **environment)
        port, guest = program.numbers("bound", "guest")
        with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
            self.assertEqual(connection.makefile().read(), "Hello, World!\n")
        self.assertTrue(echoes(guest, b"x" * 100_000))
        # Its own handler of SIGINT, a libevent one, lets the loop run for two seconds more: the guest as well.
        program.process.send_signal(signal.SIGINT)
        program.line("Caught an interrupt signal")
        self.assertTrue(echoes(guest, b"still here"))
        program.line("guest left")
        self.assertEqual(program.end(), 0)

    def test_signal_test(self):
        # Ends when nothing is left on the base, which the guest must not hinder; counts SIGINTs, which it must leave alone.
        program = self.run_sample("signal-test", GUEST="timer")
        program.line("guest timer")
        for _ in range(3):
            program.process.send_signal(signal.SIGINT)
            program.line("signal_cb: got signal")
        program.line("guest left")
        self.assertEqual(program.end(), 0)

    def test_time_test(self):
        program = self.run_sample("time-test", "-p")
        [guest] = program.numbers("guest")
        program.line("timeout_cb called at")
        self.assertTrue(echoes(guest, b"between two ticks"))
        program.line("timeout_cb called at")

    def test_event_read_fifo(self):
        program = self.run_sample("event-read-fifo")
        [guest] = program.numbers("guest")
        with open(pathlib.Path(self.directory.name) / "event.fifo", "w") as fifo:
            fifo.write("through the fifo")
            fifo.flush()
            program.line("Read: through the fifo")
            self.assertTrue(echoes(guest, b"beside the fifo"))
        # The end of the fifo ends its loop.
        program.line("guest left")
        self.assertEqual(program.end(), 0)

    def test_http_server(self):
        program = self.run_sample("http-server", self.directory.name, libraries=["-levent_extra"])
        port, guest = program.numbers("bound", "guest")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        for _ in range(3):
            connection.request("GET", "/dump?x=1")
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, 200)
            self.assertTrue(echoes(guest, b"between two requests"))
        connection.close()
        program.process.send_signal(signal.SIGINT)
        program.line("guest left")
        self.assertEqual(program.end(), 0)

    @unittest.skipUnless(pathlib.Path("/usr/include/openssl/ssl.h").exists(), "SKIPPED: OpenSSL's headers are not there")
    def test_le_proxy(self):
        with socket.create_server(("127.0.0.1", 0)) as target:
            target.settimeout(LIMIT)
            program = self.run_sample(
                "le-proxy", "127.0.0.1:1", f"127.0.0.1:{target.getsockname()[1]}",
                libraries=["-levent_openssl", "-lssl", "-lcrypto"])
            port, guest = program.numbers("bound", "guest")
            data = os.urandom(1 << 20)
            with socket.create_connection(("127.0.0.1", port), LIMIT) as client, target.accept()[0] as server:
                sender = threading.Thread(target=client.sendall, args=(data,))
                sender.start()
                self.assertTrue(echoes(guest, b"beside the proxy"))
                received = bytearray()
                while len(received) < len(data):
                    received += server.recv(65536) or self.fail("the proxy hung up")
                sender.join()
                self.assertEqual(received, data)
        dismiss(guest)


if __name__ == "__main__":
    missing = [str(path) for path in [SAMPLES / "hello-world.c"] if not path.exists()]
    if missing or not compiler():
        print(f"SKIPPED libevent's samples: no {' and no '.join(missing or ['C compiler'])}", file=sys.stderr)
        sys.exit(0)
    unittest.main(verbosity=2)

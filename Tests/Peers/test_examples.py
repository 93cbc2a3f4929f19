"""The example programs, tried as their users would: with nc, plain sockets, Twisted, and mistakes."""

import importlib.util
import itertools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from peers import BIN, LIMIT, PeerTest, Person, receive

TWISTED = importlib.util.find_spec("twisted") is not None
CLIENT = pathlib.Path(__file__).with_name("twisted_client.py")


class HelloServer(PeerTest):
    def setUp(self):
        self.server, self.port = self.serve("HelloServer")

    def test_nc(self):
        nc = self.start("nc", "127.0.0.1", self.port)
        self.server.expect("New client connected!")
        nc.say("hello from nc\n")
        self.server.expect("Received data: hello from nc")
        nc.end()
        self.server.expect("")  # the newline that nc sent
        self.server.expect("Client disconnected!")

    def test_python_socket(self):
        peer = self.connect(self.port)
        self.server.expect("New client connected!")
        for text in ("one", "two é"):
            peer.sendall(text.encode())
            self.assertEqual(self.server.expect("Received data: "), text)
        peer.close()
        self.server.expect("Client disconnected!")

    @unittest.skipUnless(TWISTED, "SKIPPED: Twisted is not installed")
    def test_twisted(self):
        subprocess.run([sys.executable, CLIENT, "hello", str(self.port)], check=True, timeout=3 * LIMIT)
        self.server.expect("New client connected!")
        self.server.expect("Received data: hello from Twisted")
        self.server.expect("Client disconnected!")


class EchoServer(PeerTest):
    def setUp(self):
        self.server, self.port = self.serve("EchoServer")

    def test_nc(self):
        nc = self.start("nc", "127.0.0.1", self.port)
        for text in ("hello", "again"):
            nc.say(text + "\n")
            nc.expect(text)

    def test_python_sockets_together(self):
        peers = [(self.connect(self.port), os.urandom(50_000)) for _ in range(100)]
        for peer, sent in peers:
            peer.sendall(sent)
        for peer, sent in peers:
            self.assertEqual(receive(peer, len(sent)), sent)

    def test_half_closed_peer_gets_all(self):
        peer, sent = self.connect(self.port), os.urandom(300_000)
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive(peer, len(sent) + 1), sent)

    def test_threads(self):
        server, port = self.serve("EchoServer", "--threads", 3)
        peers = [(self.connect(port), os.urandom(5_000)) for _ in range(50)]
        for peer, sent in peers:
            peer.sendall(sent)
        for peer, sent in peers:
            self.assertEqual(receive(peer, len(sent)), sent)
        self.assertGreaterEqual(len(os.listdir(f"/proc/{server.process.pid}/task")), 4)  # the main thread's, too
        status, seconds = server.end()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2)
        self.assertEqual(peers[0][0].recv(1), b"")

    @unittest.skipUnless(TWISTED, "SKIPPED: Twisted is not installed")
    def test_twisted(self):
        subprocess.run([sys.executable, CLIENT, "echo", str(self.port)], check=True, timeout=3 * LIMIT)


class ChatServer(PeerTest):
    def join(self, newline):
        person = Person(self.port, newline)
        self.addCleanup(person.close)
        self.assertHears(person, "What is your name?")
        return person

    def test_two_people(self):
        _, self.port = self.serve("ChatServer")
        ann = self.join("\n")
        ann.say("Ann")
        self.assertHears(ann, "Welcome, Ann! Here now: nobody else.")
        bob = self.join("\r\n")
        bob.say("")
        self.assertHears(bob, "A name, please:")
        bob.say("Ann")
        self.assertHears(bob, "Ann is taken. Another name, please:")
        bob.say("Bob")
        self.assertHears(bob, "Welcome, Bob! Here now: Ann.")
        self.assertHears(ann, "Bob has joined.")
        ann.say("hi, Bob")
        self.assertHears(bob, "<Ann> hi, Bob")
        bob.say("hi, Ann")
        self.assertHears(ann, "<Bob> hi, Ann")
        bob.close()
        self.assertHears(ann, "Bob has left.")
        heir = self.join("\n")
        heir.say("Bob")  # the name is free again
        self.assertHears(heir, "Welcome, Bob! Here now: Ann.")


class KeyValueServer(PeerTest):
    def setUp(self):
        self.server, self.port = self.serve("KeyValueServer")

    def join(self, newline):
        person = Person(self.port, newline)
        self.addCleanup(person.close)
        return person

    def test_two_people(self):
        ann, bob = self.join("\n"), self.join("\r\n")
        ann.say("GET colour")
        self.assertHears(ann, "NOT FOUND")
        bob.say("SET colour dark blue")
        self.assertHears(bob, "OK")
        ann.say("GET colour")
        self.assertHears(ann, "dark blue")
        ann.say("DELETE colour")
        self.assertHears(ann, "OK")
        bob.say("FORGET colour")
        self.assertHears(bob, "SET key value, GET key, DELETE key, or QUIT")
        bob.say("QUIT")
        self.assertEqual(bob.input.read(), b"")

    def test_many_commands_at_once(self):
        peer = self.connect(self.port)
        commands = "".join(f"SET {number} {number * number}\n" for number in range(10_000))
        questions = "".join(f"GET {number}\r\n" for number in range(10_000))
        peer.sendall((commands + questions).encode())
        peer.shutdown(socket.SHUT_WR)  # what was asked before is answered
        answers = b"OK\r\n" * 10_000 + b"".join(b"%d\r\n" % (number * number) for number in range(10_000))
        self.assertEqual(receive(peer, len(answers) + 1), answers)

    def test_a_line_without_end(self):
        peer = self.connect(self.port)
        peer.sendall(b"x" * 100_000)
        self.server.expect("127.0.0.1:")
        self.assertEqual(peer.recv(1), b"")

    def test_a_signal_ends_it(self):
        peer = self.connect(self.port)
        peer.sendall(b"GET x\n")
        self.assertTrue(peer.recv(1))
        status, seconds = self.server.end()
        self.assertEqual(status, -signal.SIGTERM)
        self.assertLess(seconds, 2)


class EchoClient(PeerTest):
    def run_client(self, port, sent):
        return subprocess.run([BIN / "EchoClient", "--port", str(port)], input=sent, capture_output=True, timeout=LIMIT)

    def test_everything_comes_back(self):
        _, port = self.serve("EchoServer")
        for sent in (b"", b"hello\n", os.urandom(3_000_000)):
            ended = self.run_client(port, sent)
            self.assertEqual((ended.returncode, ended.stderr), (0, b""))
            self.assertEqual(ended.stdout, sent)

    def test_a_typist_is_answered_line_by_line(self):
        _, port = self.serve("EchoServer")
        client = self.start(BIN / "EchoClient", "--port", port)
        for text in ("one", "two"):
            client.say(text + "\n")
            client.expect(text)
        client.process.stdin.close()
        self.assertEqual(client.process.wait(LIMIT), 0)

    def test_nobody_listens(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            ended = self.run_client(port, b"hello")
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stderr, rb"\AError: [^\n]*127\.0\.0\.1[^\n]*Connection refused[^\n]*\n\Z")

    def test_the_server_leaves(self):
        server, port = self.serve("EchoServer")
        client = self.start(BIN / "EchoClient", "--port", port)
        client.say("hello\n")
        client.expect("hello")
        server.end()
        client.expect("Error: ")
        self.assertEqual(client.process.wait(LIMIT), 1)


class Mistakes(PeerTest):
    def refused(self, *command):
        """Runs a server that must not start: one line, exit status 1; returns the line."""
        ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertRegex(ended.stderr, r"\AError: [^\n]+\n\Z")
        return ended.stderr

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            for name in ("HelloServer", "EchoServer", "ChatServer"):
                line = self.refused(BIN / name, "--port", port)
                self.assertIn(f"127.0.0.1:{port}", line)
                self.assertIn("Address already in use", line)
            self.assertIn("Address already in use", self.refused(BIN / "EchoServer", "--port", port, "--threads", 2))

    def test_malformed_interface(self):
        for name in ("HelloServer", "EchoServer", "ChatServer"):
            for host in ("nonsense", "127.0.0.1.1", "300.1.1.1"):
                self.assertIn(host, self.refused(BIN / name, "--host", host, "--port", 0))

    def test_foreign_interface(self):
        line = self.refused(BIN / "EchoServer", "--host", "192.0.2.1", "--port", 0)
        self.assertIn("192.0.2.1", line)
        self.assertIn("Cannot assign requested address", line)

    def test_privileged_port(self):
        start = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        prefix = []
        if os.geteuid() == 0:
            prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if start <= 80:  # as in containers; a network of its own starts with the kernel's default, 1024
            prefix = ["unshare", "--net", *prefix]
            if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
                self.skipTest("SKIPPED: every port is free for all here, and there is no right to make a network")
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            for name in ("HelloServer", "EchoServer", "ChatServer"):
                program = shutil.copy(BIN / name, directory)  # the build may lie where others cannot look
                line = self.refused(*prefix, program, "--host", "0.0.0.0", "--port", 80)
                self.assertIn("0.0.0.0:80", line)
                self.assertIn("Permission denied", line)


class Signals(PeerTest):
    def test_servers_end_within_two_seconds(self):
        for name in ("HelloServer", "EchoServer", "ChatServer"):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(server=name, signal=number.name):
                    server, port = self.serve(name)
                    idle = self.connect(port)
                    if name == "HelloServer":
                        server.expect("New client connected!")
                    else:
                        idle.sendall(b"x\n")
                        self.assertTrue(idle.recv(1))  # accepted: it answers
                    status, seconds = server.end(number)
                    self.assertEqual(status, 0)
                    self.assertLess(seconds, 2)

    def test_second_signal_ends_at_once(self):
        """R5: also while a peer that reads nothing is given its grace period."""
        kinds = [(), ("--threads", 2)]
        for number, arguments in itertools.product((signal.SIGTERM, signal.SIGINT), kinds):
            with self.subTest(signal=number.name, arguments=arguments):
                server, port = self.serve("EchoServer", *arguments)
                stuck = self.connect(port)
                stuck.sendall(bytes(32 << 20))
                server.process.send_signal(number)
                server.expect("")  # the log line that says so
                status, seconds = server.end(number)
                self.assertEqual(status, 128 + number)
                self.assertLess(seconds, 1)


if __name__ == "__main__":
    unittest.main()

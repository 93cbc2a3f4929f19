"""The example programs on endpoints that are given as strings."""

import os
import signal
import socket
import subprocess
import tempfile

from peers import BIN, LIMIT, PeerTest, receive


class Endpoints(PeerTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "echo.sock")

    def test_unix(self):
        server = self.start(BIN / "EchoServer", "--listen", f"unix:{self.path}:mode=600")
        self.assertEqual(server.expect("Listening on unix:"), self.path)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        sent = os.urandom(1_000_000)
        ended = subprocess.run(
            [BIN / "EchoClient", "--connect", f"unix:{self.path}"], input=sent, capture_output=True, timeout=LIMIT)
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        self.assertEqual(ended.stdout, sent)
        server.end()
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_a_socket_left_behind_is_taken_over(self):
        server = self.start(BIN / "EchoServer", "--listen", f"unix:{self.path}")
        server.expect("Listening on unix:")
        second = subprocess.run(
            [BIN / "EchoServer", "--listen", f"unix:{self.path}"], capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(second.returncode, 1)
        self.assertIn(self.path, second.stderr)
        server.end(signal.SIGKILL)
        third = self.start(BIN / "EchoServer", "--listen", f"unix:{self.path}")
        third.expect("Listening on unix:")

    def test_systemd_activation(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            # As systemd does it: the socket is descriptor 3, and the environment says whom it is for.
            activation = "exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=echo exec \"$@\"" % listener.fileno()
            server = subprocess.Popen(
                ["sh", "-c", activation, "sh", BIN / "EchoServer", "--listen", "systemd:name=echo"],
                stdout=subprocess.PIPE, pass_fds=[listener.fileno()])
            self.addCleanup(server.stdout.close)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            port = listener.getsockname()[1]
            self.assertEqual(server.stdout.readline(), b"Listening on 127.0.0.1:%d\n" % port)
        peer = self.connect(port)
        peer.sendall(b"activated")
        self.assertEqual(receive(peer, 9), b"activated")

    def test_mistakes(self):
        for string, culprit in (("tpc:80", "tcp"), ("tcp:eighty", "eighty"), ("unix:" + 120 * "x", "107")):
            ended = subprocess.run(
                [BIN / "EchoServer", "--listen", string], capture_output=True, text=True, timeout=LIMIT)
            self.assertEqual((ended.returncode, ended.stdout), (1, ""))
            self.assertRegex(ended.stderr, r"\AError: [^\n]+\n\Z")
            self.assertIn(culprit, ended.stderr)

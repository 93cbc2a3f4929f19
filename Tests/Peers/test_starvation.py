"""A server that has no descriptors left (F6): no spin, those who wait are turned away, later clients are served."""

import os
import pathlib
import time

from peers import BIN, LIMIT, PeerTest, receive

DESCRIPTORS = 32
HELD = 5  # seconds


class Starvation(PeerTest):
    def setUp(self):
        limited = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
        self.server = self.start(*limited, BIN / "EchoServer", "--port", 0)
        self.port = int(self.server.expect("Listening on 127.0.0.1:"))

    def usage(self):
        """CPU seconds used, and how often the server has gone to sleep: once in each pass of an idle loop."""
        process = pathlib.Path("/proc", str(self.server.process.pid))
        fields = process.joinpath("stat").read_text().rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        sleeps = next(
            int(line.split()[1]) for line in process.joinpath("status").read_text().splitlines()
            if line.startswith("voluntary_ctxt_switches"))
        return ticks / os.sysconf("SC_CLK_TCK"), sleeps

    def assertEchoes(self, peer, text):
        peer.sendall(text)
        self.assertEqual(receive(peer, len(text)), text)

    def assertTurnedAway(self, peer):
        peer.settimeout(LIMIT)
        try:
            self.assertEqual(peer.recv(1), b"")
        except ConnectionResetError:
            pass

    def logged(self):
        lines = []
        while not self.server.lines.empty():
            lines.append(self.server.lines.get())
        return lines

    def test_descriptors_run_out(self):
        served = []
        # The server's own descriptors leave room for some; the first that hears nothing has to wait.
        while True:
            peer = self.connect(self.port)
            peer.sendall(b"x")
            peer.settimeout(0.5)
            try:
                if peer.recv(1) != b"x":
                    break
            except TimeoutError:
                break
            served.append(peer)
        self.assertGreater(len(served), 10)
        waiting = [peer] + [self.connect(self.port) for _ in range(20)]

        cpu, passes = self.usage()
        end = time.monotonic() + HELD
        number = 0
        while time.monotonic() < end:
            self.assertEchoes(served[number % len(served)], b"still served %d" % number)
            number += 1
            time.sleep(0.1)
        cpu, passes = (after - before for after, before in zip(self.usage(), (cpu, passes)))
        print(f"{HELD} s without descriptors: {passes} passes, {number} of them for echoes; {cpu:.2f} s of CPU ... ", end="")
        self.assertLess(cpu, 0.05 * HELD)
        self.assertLess(passes, number + 30 * HELD)
        for peer in waiting:
            self.assertTurnedAway(peer)

        for peer in served:
            peer.close()
        # Those who come now may have to wait for a moment, but they are served.
        for number in range(50):
            peer = self.connect(self.port)
            self.assertEchoes(peer, b"later %d" % number)
            peer.close()
        deadline = time.monotonic() + LIMIT
        log = self.logged()
        while not any("again" in line for line in log) and time.monotonic() < deadline:
            time.sleep(0.05)
            log += self.logged()
        self.assertEqual(sum("cannot accept" in line for line in log), 1, log)
        self.assertEqual(sum("again" in line for line in log), 1, log)

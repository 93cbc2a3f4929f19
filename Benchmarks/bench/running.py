"""Starting servers and loads. Everything started here ends here, and everything waited for has a limit."""
import contextlib
import dataclasses
import os
import pathlib
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

from .peers import LOADGEN
from .report import fail, note, plural

CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


@dataclasses.dataclass
class Workload:
    size: int
    connections: int
    pipeline: int

    @property
    def word(self):
        return f"{self.size}x{self.connections}x{self.pipeline}"

    def __str__(self):
        size = f"{self.size // 1024} KiB" if self.size % 1024 == 0 else f"{self.size} B"
        return f"{size} x {plural(self.connections, 'connection')}, pipeline {self.pipeline}"


@dataclasses.dataclass
class Server:
    name: str
    pid: int
    port: int

    def descriptors(self):
        # The size (Linux 6.2) disturbs nobody; a listing borrows every file, and delays a close that happens meanwhile.
        directory = f"/proc/{self.pid}/fd"
        return os.stat(directory).st_size or len(os.listdir(directory))

    def resident(self):
        """Its resident memory in bytes."""
        rollup = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return 1024 * int(re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)[1])


def pinned(index):
    """With two cores or more the server has one to itself, and so has the load; unless `index` is None."""
    return (lambda: os.sched_setaffinity(0, {CORES[index]})) if len(CORES) > 1 and index is not None else None


def read_line(process, seconds, who):
    if not select.select([process.stdout], [], [], seconds)[0]:
        fail(f"{who} said nothing for {seconds:.0f} s")
    return process.stdout.readline().strip()


def wait_until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            fail(f"waited 30 s in vain until {what}")
        time.sleep(0.01)


@contextlib.contextmanager
def started(command, core, **options):
    """A child process with stdin and stdout on pipes, ended by SIGTERM if it still runs."""
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=pinned(core), **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            note(f"bench: {command[0]} outlived SIGTERM by 5 s, killed it")
            process.kill()
            process.wait()


@contextlib.contextmanager
def serving(peer, wrapper=(), core=0, **environment):
    """A running peer. `wrapper` is a command that becomes the peer, given the peer's own command."""
    environment = {**os.environ, **environment}
    command = [*wrapper, *peer.command]
    with tempfile.TemporaryFile("w+") as log, started(command, core, env=environment, stderr=log) as process:
        try:
            line = read_line(process, 20, peer.name)
            if not (match := re.fullmatch(r"listening ([1-9]\d*)", line)):
                fail(f"{peer.name} should have said 'listening PORT', but said '{line}'")
            yield Server(peer.name, process.pid, int(match[1]))
            if process.poll() is not None:
                fail(f"{peer.name} ended by itself, status {process.returncode}")
        except SystemExit:
            log.seek(0)
            note(log.read().rstrip())
            raise


@contextlib.contextmanager
def generator(server, command, connections, limit, core=1):
    """All connections of a load generator up and accepted. Yields a function that runs the load and returns the report;
    the connections stay open until the end of the block."""
    before = server.descriptors()
    with started(command, core) as process:

        def proceed(limit):
            line = read_line(process, limit, command[0].name)
            return line or fail(f"{command[0].name} gave up on {server.name}, status {process.wait(5)}")

        def go():
            process.stdin.write("go\n")
            process.stdin.flush()
            return {key: float(value) for key, value in (field.split("=") for field in proceed(limit).split())}

        proceed(30)
        wait_until(lambda: server.descriptors() >= before + connections, f"{server.name} accepted everyone")
        yield go


def load(server, workload, seconds, core=1):
    numbers = [workload.connections, workload.size, workload.pipeline, seconds]
    command = [LOADGEN, "-w", "-p", server.pid, server.port, *numbers]
    return generator(server, command, workload.connections, seconds + 30, core)


@contextlib.contextmanager
def connections(server, count, kept=0):
    """Idle connections from this process, all of them accepted. A server may keep `kept` more descriptors afterwards."""
    before = server.descriptors()
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10)))
        wait_until(lambda: server.descriptors() >= before + count, f"{server.name} accepted {count} connections")
        time.sleep(0.1)  # accepted is not yet set up
        yield opened
        before = server.descriptors() - count  # a server may have opened files of its own since
    wait_until(lambda: server.descriptors() <= before + kept, f"{server.name} closed {count} connections")


def echo_once(opened):
    for connection in opened:
        connection.sendall(b"x" * 64)
        missing = 64
        while missing:
            missing -= len(connection.recv(missing)) or fail("a server hung up in the middle of an echo")


def warm_up(server):
    """One connection's life, so that what happens once in a process is behind it."""
    with connections(server, 1, kept=1) as opened:  # some open one when the first connection ends
        echo_once(opened)

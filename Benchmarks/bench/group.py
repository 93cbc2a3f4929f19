"""Several loops in one server: how connections spread over them, and what a second loop brings."""
import dataclasses
import os
import re
import socket
import subprocess
import pathlib
import time

from .peers import OWN
from .report import fail, median, paired, plural, spell, ratio, table
from .running import CORES, echo_once, load, read_line, serving, started

WORK = 10_000  # rounds of computing for each message, one or two nanoseconds each
SERVERS = {  # by name: the peer, and the arguments that make it this server
    "spindle, 1 reactor": (OWN, ["--threads", "1"]),
    "spindle, 2 reactors, kernel": (OWN, ["--threads", "2"]),
    "spindle, 2 reactors, acceptor": (OWN, ["--threads", "2", "--acceptor"]),
    "swiftnio, 1 loop": ("swiftnio", ["--threads", "1"]),
    "swiftnio, 2 loops": ("swiftnio", ["--threads", "2"]),
}
RATE = "messages/s"


def servers(peers, *arguments):
    known = {peer.name: peer for peer in peers}
    return [dataclasses.replace(known[name], name=title, arguments=[*own, *arguments])
            for title, (name, own) in SERVERS.items() if name in known]


def ticks(path):
    """The CPU time of a thread, user and system."""
    fields = path.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def thread_times(server):
    """CPU ticks of each thread."""
    return {path.parent.name: ticks(path) for path in pathlib.Path(f"/proc/{server.pid}/task").glob("*/stat")}


def machine():
    """How long the machine's cores have been busy, in ticks."""
    total = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, idle, waiting, *rest = map(int, total.split()[1:9])
    return user + nice + system + sum(rest)


def spread(server, count):
    """How many of so many connections each of a server's reactors gets."""
    with started(server.command, None, stderr=subprocess.DEVNULL) as process:
        port = int(read_line(process, 20, server.name).split()[1])
        opened = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
        echo_once(opened)
        process.terminate()
        served = re.findall(r"^served (\d+)$", process.stdout.read(), re.MULTILINE)
        for connection in opened:
            connection.close()
    return sorted(map(int, served))


def report_spread(several):
    counts = (10, 50, 1000)
    rows = [[server.name, *(" + ".join(map(str, spread(server, count))) for count in counts)]
            for server in several if server.name.startswith(OWN) and "2" in server.name]
    if rows:
        print("\nConnections of each reactor:")
        table(["server", *map(str, counts)], rows)


def measure(peers, workload, options):
    seconds = options.seconds or 3
    if len(CORES) < 2:
        fail("several loops are nothing to measure on one core")
    print(f"\nNobody is pinned: servers and load share {plural(len(CORES), 'core')}.")
    report_spread(servers(peers))
    for work, arguments in ((0, []), (WORK, ["--work", str(WORK)])):

        def one(peer):
            with serving(peer, core=None) as server, load(server, workload, seconds, core=None) as go:
                before, busy, start = thread_times(server), machine(), time.monotonic()
                report = go()
                elapsed = (time.monotonic() - start) * os.sysconf("SC_CLK_TCK")
                busy = (machine() - busy) / elapsed
                spent = sorted((spent - before.get(thread, 0) for thread, spent in thread_times(server).items()),
                               reverse=True)
            # Those who serve: a thread that only waits takes next to nothing.
            own = sum(spent) / elapsed
            return {RATE: report["msgs/s"], "CPU": report["cpu_us/msg"], "own": own, "others": busy - own,
                    "busiest": 100 * spent[0] / max(1, sum(spent)), "p99us": report["p99us"]}

        several = servers(peers, *arguments)
        results = paired(several, options.rounds, one, RATE)
        print(f"\n{workload}, {f'and {WORK:,} rounds of computing for each message' if work else 'nothing but echo'}: "
              f"{plural(options.rounds, 'paired round')} of {seconds:g} s")
        table(["server", RATE, "to 1 loop", "CPU µs/message", "server's cores", "others' cores", "busiest thread",
               "p99 µs"],
              [[name, f"{median(rounds, RATE):,.0f}", spell(ratio(results, RATE, name, first_of(name))),
                f"{median(rounds, 'CPU'):.2f}", f"{median(rounds, 'own'):.2f}", f"{median(rounds, 'others'):.2f}",
                f"{median(rounds, 'busiest'):.0f} %", f"{median(rounds, 'p99us'):,.0f}"]
               for name, rounds in results.items()])


def first_of(name):
    """The server with one loop that a server is compared with."""
    return next(title for title in SERVERS if SERVERS[title][0] == SERVERS[name][0])

"""A mass disconnect: how fast the server closes its side, and whether others are served meanwhile."""
import re
import shutil
import tempfile
import time

from .peers import OWN, STORM
from .report import fail, median, paired, plural, ratio, spell, table
from .running import generator, serving, wait_until, warm_up
from .syscalls import NEEDED

KINDS = {"FIN": [], "RST": ["-r"]}  # how the peers close, and storm's option for it
FIELDS = {  # of storm's report and of ours: heading, decimals
    "server_ms": ("all closed after ms", 1),
    "cpu_us/close": ("CPU µs/close", 2),
    "p50us": ("round trip median µs", 0),
    "maxus": ("worst µs", 0),
    "pass_ms": ("longest pass ms", 2),
    "kept_mb": ("MB more than before", 1),
}


def measure(peers, options):
    if not shutil.which("strace"):
        fail(NEEDED)
    count = options.connections

    def storms(server):
        """One storm of each kind on the same server. Yields the kind, when it began and what storm reported."""
        start = server.descriptors()
        for kind, flags in KINDS.items():
            command = [STORM, *flags, server.pid, server.port, count, options.seconds or 0]
            with generator(server, command, count, 60 + (options.seconds or 0)) as go:
                began = time.time()
                yield kind, began, go()
            wait_until(lambda: server.descriptors() == start, f"{server.name} has as many descriptors as before")

    def one(peer):
        result = {}
        with serving(peer) as server:
            warm_up(server)
            before = server.resident() / 1e6
            for kind, _, report in storms(server):
                report["kept_mb"] = server.resident() / 1e6 - before
                result |= {(kind, field): value for field, value in report.items()}
        with tempfile.NamedTemporaryFile("r") as trace:
            with serving(peer, tracing_waits(trace.name)) as server:
                warm_up(server)
                began = {kind: moment for kind, moment, _ in storms(server)}
            # strace is the server's child and writes its last line when the server is gone
            wait_until(lambda: re.search(r"\+\+\+ (?:killed|exited).*\+\+\+\n\Z", reread(trace)), "strace has ended")
            passes = loop_passes(reread(trace))
        for kind, moment in began.items():
            until = min((other for other in began.values() if other > moment), default=float("inf"))
            result[kind, "pass_ms"] = 1000 * max(length for at, length in passes if moment <= at < until)
        return result

    results = paired(peers, options.rounds, one, ("FIN", "server_ms"), "ms until all are closed")
    for kind in KINDS:
        show(kind, results, options)


def show(kind, results, options):
    slowest = max(median(rounds, (kind, "peers_ms")) for rounds in results.values())
    print(f"\n{plural(options.connections, 'connection')} closed by {kind} within {slowest:.0f} ms, 20 others echoing; "
          f"{plural(options.rounds, 'paired round')}. Every server ended with the descriptors it had before.")
    heads = [heading for heading, _ in FIELDS.values()]
    rows = []
    for name, rounds in results.items():
        cells = [f"{median(rounds, (kind, field)):,.{decimals}f}" for field, (_, decimals) in FIELDS.items()]
        quiet = [f"{median(rounds, (kind, field)):,.0f}" for field in ("quiet_p50us", "quiet_maxus")]
        rows.append([name, *cells, *quiet])
    table(["peer", *heads, "quiet median", "quiet worst"], rows)
    others = [name for name in results if name != OWN]
    if OWN in results and others:
        table([f"{OWN} / peer", *heads],
              [[name, *(spell(ratio(results, (kind, field), OWN, name)) for field in FIELDS)] for name in others])


def tracing_waits(file):
    """A strace of epoll_wait alone that runs as the server's child, so that the server keeps its process number."""
    return ["strace", "-D", "-f", "--seccomp-bpf", "-ttt", "-T", "-e", "trace=epoll_wait,epoll_pwait,epoll_pwait2",
            "-o", file]


def loop_passes(trace):
    """From one epoll_wait's return to the next one's call, thread by thread: when it began, and seconds."""
    passes, called, returned = [], {}, {}
    for line in trace.splitlines():
        match = re.match(r"(\d+) +([\d.]+) (<\.\.\. )?epoll_\w+(?:.*<([\d.]+)>$)?", line)
        if not match:
            continue
        thread, moment, resumed, duration = match.groups()
        if not resumed:
            called[thread] = float(moment)
            if thread in returned:
                passes.append((returned[thread], called[thread] - returned[thread]))
        if duration:
            returned[thread] = called[thread] + float(duration)
    return passes


def reread(file):
    file.seek(0)
    return file.read()

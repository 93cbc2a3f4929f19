"""What a task's waiting for something on the loop costs: time and heap allocations."""
import os
import resource
import struct
import subprocess
import tempfile

from .peers import MCOUNT
from .report import fail, median, paired, plural, table
from .running import pinned

COUNT = 200_000
KINDS = {"made": "made and fired", "pending": "and awaited", "spawn": "and awaited by a task each"}


def run(peer, what, count, **environment):
    """The nanoseconds of CPU time that the program took on one core."""
    command = [*peer.command[:1], "await", what, str(count), *peer.arguments]
    before = cpu_time()
    ended = subprocess.run(list(map(str, command)), timeout=120, preexec_fn=pinned(0), env={**os.environ, **environment})
    return (cpu_time() - before) * 1e9 if ended.returncode == 0 else fail(f"{peer.name}: await {what} failed")


def cpu_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def allocations(peer, what):
    """Per await. What happens once is in both counts and drops out."""
    counts = []
    for count in (COUNT // 2, COUNT):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(8))
            file.flush()
            run(peer, what, count, LD_PRELOAD=str(MCOUNT), MCOUNT_FILE=file.name)
            counts.append(struct.unpack("q", open(file.name, "rb").read())[0])
    return (counts[1] - counts[0]) / (COUNT // 2)


def measure(peers, options):
    def one(peer):
        # Twice as many, less as many: what a program costs that does nothing drops out.
        return {what: (run(peer, what, 2 * COUNT) - run(peer, what, COUNT)) / COUNT for what in KINDS}

    results = paired(peers, options.rounds, one, "pending", "ns per await")
    for title, cells in (
        ("CPU time in ns", lambda peer: [f"{median(results[peer.name], what):,.0f}" for what in KINDS]),
        ("Heap allocations", lambda peer: [f"{allocations(peer, what):.2f}" for what in KINDS]),
    ):
        print(f"\n{title} for each thing to wait for, which comes in the loop's next pass, a thousand at a time; "
              f"{plural(options.rounds, 'paired round')}")
        table(["peer", *KINDS.values()], [[peer.name, *cells(peer)] for peer in peers])

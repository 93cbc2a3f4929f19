"""What a task's waiting for something on the loop costs: time and heap allocations."""
import os
import struct
import subprocess
import tempfile

from .peers import MCOUNT
from .report import fail, median, paired, plural, table
from .running import pinned

COUNT = 1_000_000
PENDING, SPAWN = "ns per await", "ns per spawn and await"


def run(peer, what, count, **environment):
    """The nanoseconds that the program took, by itself on one core."""
    command = [*peer.command[:1], "await", what, str(count), *peer.arguments]
    ended = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, timeout=120,
                           preexec_fn=pinned(0), env={**os.environ, **environment})
    return float(ended.stdout) if ended.returncode == 0 else fail(f"{peer.name}: await {what} failed")


def allocations(peer, what):
    """Per await. What happens once is in both counts and drops out."""
    counts = []
    for count in (COUNT // 10, COUNT // 5):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(8))
            file.flush()
            run(peer, what, count, LD_PRELOAD=str(MCOUNT), MCOUNT_FILE=file.name)
            counts.append(struct.unpack("q", open(file.name, "rb").read())[0])
    return (counts[1] - counts[0]) / (COUNT // 10)


def measure(peers, options):
    def one(peer):
        made, pending, spawn = (run(peer, what, COUNT) / COUNT for what in ("made", "pending", "spawn"))
        return {PENDING: pending - made, SPAWN: spawn - made}

    results = paired(peers, options.rounds, one, PENDING)
    rows = []
    for peer in peers:
        made, pending, spawn = (allocations(peer, what) for what in ("made", "pending", "spawn"))
        rows.append([peer.name, *(f"{median(results[peer.name], field):,.0f}" for field in (PENDING, SPAWN)),
                     f"{made:.2f}", f"{pending - made:.2f}", f"{spawn - made:.2f}"])
    print(f"\nA suspend and resume on the loop, {plural(COUNT, 'await')}, a thousand at a time; "
          f"{plural(options.rounds, 'paired round')}; what is awaited is made anew for each, which is not counted in")
    table(["peer", PENDING, SPAWN, "allocations: what is awaited", "its await", "spawn and await"], rows)

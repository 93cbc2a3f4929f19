"""Jobs on threads and back to the loop: the time, the CPU time and the heap allocations of each.

A program in Threads/ is called PROGRAM JOBS IN_FLIGHT. It hands in JOBS jobs, IN_FLIGHT of them at a time, takes their
results on its loop, and prints the time that each took, in nanoseconds.
"""
import os
import pathlib
import struct
import subprocess
import tempfile

from .peers import MCOUNT
from .report import fail, median, paired, plural, ratio, spell, table

OWN = "threads-spindle"
JOBS, IN_FLIGHT = 20_000, 64
SINGLE, BUSY = "µs, one at a time", f"µs each, {IN_FLIGHT} in flight"
CPU, MALLOCS = "µs of CPU each", "allocations each"


def run(peer, jobs, in_flight, **environment):
    """The time that a job took and the CPU time of them all, in µs."""
    process = subprocess.Popen([str(peer.binary), str(jobs), str(in_flight)], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, **environment})
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        fail(f"{peer.name} {jobs} {in_flight} ended with status {process.returncode}")
    return float(answer) / 1000, (usage.ru_utime + usage.ru_stime) * 1e6


def mallocs(peer, jobs):
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8))
        file.flush()
        run(peer, jobs, IN_FLIGHT, LD_PRELOAD=str(MCOUNT), MCOUNT_FILE=file.name)
        return struct.unpack("q", pathlib.Path(file.name).read_bytes())[0]


def measure(peers, options):
    def one(peer):
        single, _ = run(peer, JOBS, 1)
        busy, cpu = run(peer, 10 * JOBS, IN_FLIGHT)
        # Twice as many: what is not a job's cancels out.
        counted = (mallocs(peer, 2 * JOBS) - mallocs(peer, JOBS)) / JOBS
        return {SINGLE: single, BUSY: busy, CPU: cpu / (10 * JOBS), MALLOCS: counted}

    results = paired(peers, options.rounds, one, SINGLE)
    fields = [SINGLE, BUSY, CPU, MALLOCS]
    rows = []
    for name, rounds in results.items():
        row = [name]
        for field in fields:
            row += [f"{median(rounds, field):.2f}", spell(ratio(results, field, OWN, name))]
        rows.append(row)
    print(f"\nA job on a thread, and its result back on the loop; {plural(options.rounds, 'paired round')}")
    table(["program", *(head for field in fields for head in (field, f"{OWN} / it"))], rows)

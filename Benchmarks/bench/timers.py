"""Timers: how late they are in an idle loop, and what they cost when there are many.

A program in Timers/ is called in one of two ways and answers with one line.

    PROGRAM lateness COUNT   sets COUNT timers between 1 and 50 ms, and prints how late each was, in nanoseconds
    PROGRAM cost COUNT       prints the CPU time, in nanoseconds a timer, that it takes to add COUNT timers that are not due
                             for long, to move each, and to cancel them in no order; then to make the calls of COUNT others:
                             add=N move=N cancel=N fire=N
"""
import os
import pathlib
import struct
import subprocess
import tempfile

from .peers import MCOUNT
from .report import TIMER_LATENESS, fail, median, paired, plural, ratio, spell, table, verdict
from .running import pinned

OWN = "timers-spindle"
REFERENCE = "timers-timerfd"
ONLY_LATENESS = [REFERENCE]  # it has no timers to add
TIMERS, FEW, MANY = 1000, 10_000, 1_000_000
WORK = ["add", "move", "cancel", "fire"]
PERCENTILES = {"median": 0.5, "99 %": 0.99, "worst": 1}


def run(peer, what, count, **environment):
    """The answer, and the most memory that the program had."""
    command = [str(peer.binary), what, str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(0),
                               env={**os.environ, **environment})
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        fail(f"{peer.name} {what} {count} ended with status {process.returncode}")
    return answer.split(), 1024 * usage.ru_maxrss


def measure(peers, options):
    lateness(peers, options)
    cost([peer for peer in peers if peer.name not in ONLY_LATENESS], options)


def lateness(peers, options):
    def one(peer):
        late = sorted(int(number) for number in run(peer, "lateness", TIMERS)[0])
        if len(late) != TIMERS:
            fail(f"{peer.name} made {len(late)} calls instead of {TIMERS}")
        if late[0] < 0 and peer.name in (OWN, REFERENCE):
            fail(f"a timer of {peer.name} was {-late[0]} ns early")
        values = {name: late[min(TIMERS - 1, int(share * TIMERS))] / 1000 for name, share in PERCENTILES.items()}
        return {**values, "earliest": late[0] / 1000}

    results = paired(peers, options.rounds, one, "99 %", "µs late (99 %)")
    # What else the machine does can only make it later.
    best = {name: {field: min(result[field] for result in rounds) for field in rounds[0]}
            for name, rounds in results.items()}
    print(f"\n{plural(TIMERS, 'timer')} between 1 and 50 ms in an idle loop: lateness in µs, the best of "
          f"{plural(options.rounds, 'round')}; below zero means early")
    rows = []
    for name, values in best.items():
        comparable = OWN in best and name == REFERENCE
        ratios = {field: best[OWN][field] / values[field] for field in PERCENTILES} if comparable else {}
        rows.append([name, *(f"{values[field]:,.1f}" for field in [*PERCENTILES, "earliest"]),
                     *(f"{ratios[field]:.2f}" if ratios else "-" for field in PERCENTILES),
                     verdict(ratios.get("median"), TIMER_LATENESS)])
    table(["program", *PERCENTILES, "earliest", *(f"{OWN} / it: {field}" for field in PERCENTILES), "budget: median"], rows)


def cost(peers, options):
    def one(peer):
        result = {}
        for count in (FEW, MANY):
            answer = dict(field.split("=") for field in run(peer, "cost", count)[0])
            result |= {(count, work): int(answer[work]) for work in WORK if work in answer}
        result["total"] = sum(value for (count, _), value in result.items() if count == MANY)
        # Twice as many of everything: what is not a timer's cancels out.
        result["bytes"] = (run(peer, "cost", 2 * MANY)[1] - run(peer, "cost", MANY)[1]) / MANY
        # Each timer is added twice, once for each half of the program.
        result["mallocs"] = (mallocs(peer, 2 * FEW) - mallocs(peer, FEW)) / FEW / 2
        return result

    results = paired(peers, options.rounds, one, "total", "ns a timer, all told")
    for count in (FEW, MANY):
        print(f"\n{plural(count, 'timer')} pending: CPU time a timer, in ns; {plural(options.rounds, 'paired round')}")
        rows = []
        for name, rounds in results.items():
            known = [work for work in WORK if (count, work) in rounds[0]]
            values = [f"{median(rounds, (count, work)):,.0f}" if work in known else "-" for work in WORK]
            ratios = [spell(ratio(results, (count, work), OWN, name)) if work in known else "-" for work in WORK]
            rows.append([name, *values, *ratios])
        table(["program", *WORK, *(f"{OWN} / it: {work}" for work in WORK)], rows)
    print("\nMemory and heap allocations a timer, the program's own list of them included")
    table(["program", "bytes", "allocations"],
          [[name, f"{median(rounds, 'bytes'):.0f}", f"{median(rounds, 'mallocs'):.2f}"] for name, rounds in results.items()])


def mallocs(peer, count):
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(8))
        file.flush()
        run(peer, "cost", count, LD_PRELOAD=str(MCOUNT), MCOUNT_FILE=file.name)
        return struct.unpack("q", pathlib.Path(file.name).read_bytes())[0]

"""Server CPU per echoed message."""
from .peers import OWN
from .report import ECHO_BUDGET, median, paired, plural, ratio, spell, table, verdict
from .running import load, serving

CPU = "µs/message"


def measure(peers, workload, options):
    seconds = options.seconds or 3

    def one(peer):
        with serving(peer) as server, load(server, workload, seconds) as go:
            report = go()
        return {CPU: report["cpu_us/msg"], **report}

    results = paired(peers, options.rounds, one, CPU)
    budget = ECHO_BUDGET.get(workload.word, {})
    rows = []
    for name, rounds in results.items():
        own = ratio(results, CPU, OWN, name)
        rows.append([name, f"{median(rounds, CPU):.2f}", spell(ratio(results, CPU, name, "raw-epoll")), spell(own),
                     verdict(own and own[0], budget.get(name)),
                     *(f"{median(rounds, field):,.0f}" for field in ("msgs/s", "MB/s", "p50us", "p99us"))])
    print(f"\n{workload}: {plural(options.rounds, 'paired round')} of {seconds:g} s")
    table(["peer", "CPU " + CPU, "peer / raw-epoll", f"{OWN} / peer", "budget", "messages/s", "MB/s", "p50 µs",
           "p99 µs"], rows)

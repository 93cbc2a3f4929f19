"""Resident memory per idle connection."""
from .peers import OWN
from .report import BYTES_PER_CONNECTION, median, paired, plural, ratio, spell, table, verdict
from .running import connections, echo_once, serving, warm_up

SILENT, ECHOED, EMPTY = "bytes/connection", "after an echo each", "MB without any"


def measure(peers, options):
    count = options.connections

    def one(peer):
        with serving(peer) as server:
            warm_up(server)
            start = server.resident()
            with connections(server, count) as opened:
                silent = server.resident()
                echo_once(opened)
                echoed = server.resident()
        return {SILENT: (silent - start) / count, ECHOED: (echoed - start) / count, EMPTY: start / 1e6}

    results = paired(peers, options.rounds, one, SILENT)
    rows = []
    for name, rounds in results.items():
        row = [name]
        for field in (SILENT, ECHOED):
            value = median(rounds, field)
            row += [f"{value:,.0f}", spell(ratio(results, field, OWN, name)),
                    verdict(value, BYTES_PER_CONNECTION) if name == OWN else ""]
        rows.append([*row, f"{median(rounds, EMPTY):.1f}"])
    print(f"\nResident memory of the server: {plural(count, 'idle connection')}; {plural(options.rounds, 'paired round')}")
    comparison = [f"{OWN} / peer", "budget"]
    table(["peer", SILENT, *comparison, ECHOED, *comparison, EMPTY], rows)

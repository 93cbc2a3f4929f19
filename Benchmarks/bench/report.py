"""What the measurements print: medians, ratios of paired rounds, and whether Spindle keeps its budget."""
import statistics
import sys

# The most that Spindle's echo server may cost, as a multiple of a peer's cost in the same round.
ECHO_BUDGET = {
    "64x50x1": {"raw-epoll": 1.08, "libevent-bufferevent": 0.75, "swiftnio": 0.80, "uvloop-protocol": 0.90,
                "twisted-epoll": 0.45},
    "16384x100x1": {"raw-epoll": 1.08, "swiftnio": 0.85},
}
# And the most whatever the peers cost.
SYSCALLS_PER_MESSAGE = 3.1
MALLOCS_PER_CONNECTION = 8
BYTES_PER_CONNECTION = 700
# How late the median timer is, as a multiple of what the least loop on timerfd in C makes of it: a microsecond more.
TIMER_LATENESS = 1.5


def fail(message):
    sys.exit(f"bench: {message}")


def note(message):
    print(message, file=sys.stderr, flush=True)


def paired(peers, rounds, measure, headline, heading=None):
    """In each round every peer once, in an order that rotates. Returns, by peer, what each round's `measure` returned:
    numbers by name, of which `headline` is shown as they come."""
    results = {peer.name: [] for peer in peers}
    for number in range(rounds):
        shift = number % len(peers)
        for peer in peers[shift:] + peers[:shift]:
            result = measure(peer)
            results[peer.name].append(result)
            note(f"  round {number + 1} of {rounds}: {peer.name} {result[headline]:.2f} {heading or headline}")
    return results


def median(rounds, field):
    return statistics.median(result[field] for result in rounds)


def ratio(results, field, own, other):
    """The rounds' ratios of one peer to another: their median, lowest and highest. None if one was not measured."""
    if own not in results or other not in results or own == other:
        return None
    pairs = [mine[field] / theirs[field] for mine, theirs in zip(results[own], results[other]) if theirs[field]]
    return (statistics.median(pairs), min(pairs), max(pairs)) if pairs else None


def spell(ratio):
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}..{ratio[2]:.2f})" if ratio else "-"


def verdict(value, limit):
    """A measured value against its budget; empty where there is none."""
    if value is None or limit is None:
        return ""
    return f"<= {limit:g} {'ok' if value <= limit else 'OVER'}"


def table(head, rows):
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    for row in [head, *rows]:
        print("  " + "   ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip())


def plural(count, noun):
    return f"{count:,} {noun}{'s'[:count != 1]}"

"""Heap allocations per accepted connection and per message."""
import pathlib
import struct
import tempfile

from .peers import MCOUNT, OWN
from .report import MALLOCS_PER_CONNECTION, fail, median, paired, plural, ratio, spell, table, verdict
from .running import connections, echo_once, load, serving, warm_up

ACCEPTED = 1000  # connections over which is averaged
CONNECTION, ECHOED, MESSAGE = "per connection", "and its first echo", "per message"


def measure(peers, workload, options):
    def one(peer):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(8))
            file.flush()

            def count():
                return struct.unpack("q", pathlib.Path(file.name).read_bytes())[0]

            # Python's own allocator for small objects would hide most of them.
            environment = {"LD_PRELOAD": str(MCOUNT), "MCOUNT_FILE": file.name, "PYTHONMALLOC": "malloc"}
            with serving(peer, **environment) as server:
                warm_up(server)
                if count() == 0:
                    fail(f"no allocation of {peer.name} was counted: is it linked statically, or not with glibc?")
                start = count()
                with connections(server, ACCEPTED) as opened:
                    accepted = count()
                    echo_once(opened)
                    echoed = count()
                with load(server, workload, options.seconds or 1) as go:
                    quiet = count()
                    messages = go()["total"]
                    busy = count()
        return {CONNECTION: (accepted - start) / ACCEPTED, ECHOED: (echoed - start) / ACCEPTED,
                MESSAGE: (busy - quiet) / messages}

    results = paired(peers, options.rounds, one, CONNECTION)
    rows = []
    for name, rounds in results.items():
        each, message = median(rounds, CONNECTION), median(rounds, MESSAGE)
        own = name == OWN
        rows.append([name, f"{each:.2f}", spell(ratio(results, CONNECTION, OWN, name)),
                     verdict(each, MALLOCS_PER_CONNECTION) if own else "", f"{median(rounds, ECHOED):.2f}",
                     # What a server does now and then, a timer say, shows in the fourth place: it is not per message.
                     f"{message:.4f}", verdict(round(message, 3), 0) if own else ""])
    print(f"\nHeap allocations: {plural(ACCEPTED, 'connection')} accepted, then {workload}; "
          f"{plural(options.rounds, 'paired round')}")
    table(["peer", CONNECTION, f"{OWN} / peer", "budget", ECHOED, MESSAGE, "budget"], rows)

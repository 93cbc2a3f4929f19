"""System calls per echoed message, counted by strace."""
import contextlib
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from .peers import OWN
from .report import SYSCALLS_PER_MESSAGE, fail, verdict
from .running import load, serving, wait_until

NEEDED = "the command 'strace' was not found: 'scripts/setup --benchmarks' installs it"


def measure(peers, workload, options):
    if not shutil.which("strace"):
        fail(NEEDED)
    print(f"\n{workload}: system calls per message; kinds below 0.005 follow as plain counts")
    for peer in peers:
        with serving(peer) as server, load(server, workload, options.seconds or 2) as go:
            with counted(server) as counts:
                messages = int(go()["total"])
        often = {kind: count for kind, count in counts.items() if count >= 0.005 * messages}
        rare = [f"{kind} {count}" for kind, count in counts.items() if kind not in often]
        each = sum(counts.values()) / messages
        budget = f"    budget {verdict(each, SYSCALLS_PER_MESSAGE)}" if peer.name == OWN else ""
        if budget and "epoll_ctl" in often:
            budget += ", no epoll_ctl OVER"
        print(f"  {peer.name:22} {each:6.2f} = "
              + " + ".join(f"{kind} {count / messages:.2f}" for kind, count in often.items()) + budget
              + f"    in {messages:,} messages" + (f", and in all of them: {', '.join(rare)}" if rare else ""))


@contextlib.contextmanager
def counted(server):
    """Counts the server's system calls during the block, into the dictionary it yields."""
    counts = {}
    with tempfile.NamedTemporaryFile("r") as summary:
        command = ["strace", "-f", "-c", "-o", summary.name, "-p", str(server.pid)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

        def attached():
            if process.poll() is not None:
                fail(f"strace: {process.stderr.read().strip()}\n"
                     "(attaching takes root, or kernel.yama.ptrace_scope=0; in Docker --cap-add SYS_PTRACE)")
            statuses = pathlib.Path(f"/proc/{server.pid}/task").glob("*/status")
            return not any(re.search(r"^TracerPid:\s+0$", status.read_text(), re.MULTILINE) for status in statuses)

        try:
            wait_until(attached, "strace is attached")
            yield counts
        finally:
            process.send_signal(signal.SIGINT)  # strace detaches and writes its summary
            process.communicate(timeout=10)
        for line in summary:
            if match := re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*", line):
                if match[2] != "total":
                    counts[match[2]] = int(match[1])

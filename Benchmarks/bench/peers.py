"""The servers that are compared. Every file Benchmarks/Peers/NAME.c, NAME.py or NAME/main.swift is a peer.

Comments `bench: WORD VALUE...` in it give the pkg-config modules it needs (`pkg-config`), the Python module
(`python-module`), and further peers that are it with other arguments (`variant`).
"""
import dataclasses
import importlib.util
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from .report import fail

HOME = pathlib.Path(__file__).resolve().parent.parent
BUILD = HOME / ".build"
TOOLS = BUILD / "peers"  # where the C programs go
LOADGEN = TOOLS / "loadgen"
STORM = TOOLS / "storm"
MCOUNT = TOOLS / "mcount.so"
OWN = "spindle"
REFERENCES = ["raw-epoll", "libevent-bufferevent"]


class Missing(Exception):
    """A peer that this machine cannot build or run; the text says what to do about it."""


@dataclasses.dataclass
class Peer:
    name: str
    source: pathlib.Path
    arguments: list

    @property
    def has_own_package(self):
        return (self.source.parent / "Package.swift").exists()

    @property
    def package(self):
        return self.source.parent if self.has_own_package else HOME

    @property
    def scratch(self):
        return BUILD / self.source.parent.name if self.has_own_package else BUILD

    @property
    def product(self):
        return f"peer-{self.source.parent.name}"

    @property
    def binary(self):
        return self.scratch / "release" / self.product if self.source.suffix == ".swift" else TOOLS / self.source.stem

    @property
    def command(self):
        program = [sys.executable, self.source] if self.source.suffix == ".py" else [self.binary]
        return [*program, "0", *self.arguments]

    def directives(self, word):
        return [rest for key, *rest in directives(self.source) if key == word]


def directives(source):
    return [line.split() for line in re.findall(r"^(?://|#) bench: (.+)$", source.read_text(), re.MULTILINE)]


def find_peers(wanted, folder="Peers"):
    found = []
    for pattern in ("*.c", "*.py", "*/main.swift"):
        for source in (HOME / folder).glob(pattern):
            peer = Peer(source.parent.name if source.suffix == ".swift" else source.stem, source, [])
            found.append(peer)
            found += [Peer(other, source, rest) for other, *rest in peer.directives("variant")]
    first = {name: place for place, name in enumerate(REFERENCES)}
    names = sorted((peer.name for peer in found), key=lambda name: (first.get(name, len(first)), name))
    found.sort(key=lambda peer: names.index(peer.name))
    if unknown := sorted(set(wanted) - set(names)):
        fail(f"no peer is called {', '.join(unknown)}; there are {', '.join(names)}")
    return [peer for peer in found if not wanted or peer.name in wanted]


def build(peers):
    """Builds the load generators and the peers. Returns the peers that can be measured and, by name, why others cannot."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    for tool in (LOADGEN, STORM):
        compile_c(HOME / "Load" / f"{tool.name}.c", tool)
    compile_c(HOME / "Load" / "mcount.c", MCOUNT, "-shared", "-fPIC")
    # SwiftPM (6.3) plans anew only when the root package changed: it would miss a file added to Sources/ since.
    (HOME / "Package.swift").touch()
    reasons = {}  # by source: why it cannot be measured
    for peer in {peer.source: peer for peer in peers}.values():
        try:
            build_peer(peer)
        except Missing as missing:
            reasons[peer.source] = str(missing)
    skipped = {peer.name: reasons[peer.source] for peer in peers if peer.source in reasons}
    return [peer for peer in peers if peer.name not in skipped], skipped


def build_peer(peer):
    if peer.source.suffix == ".c":
        compile_c(peer.source, peer.binary, *library_flags(peer))
    elif peer.source.suffix == ".swift":
        command = ["swift", "build", "-c", "release", "--package-path", peer.package, "--scratch-path", peer.scratch,
                   "--product", peer.product]
        if not run(*command):
            if peer.has_own_package:
                raise Missing("its package does not build (without a network?); what SwiftPM says is above")
            fail(f"failed: {shlex.join(map(str, command))}")
    for (module,) in peer.directives("python-module"):
        if not importlib.util.find_spec(module):
            raise Missing(f"{sys.executable} has no module '{module}': '{sys.executable} -m pip install {module}'")


def compile_c(source, result, *flags):
    compiler = [*shlex.split(os.environ.get("CC", "cc")), "-O2", "-Wall", "-Wextra"]
    if not run(*compiler, source, "-o", result, *flags):
        fail(f"{source.name} does not compile")


def library_flags(peer):
    modules = [module for value in peer.directives("pkg-config") for module in value]
    if not modules:
        return []
    if not shutil.which("pkg-config"):
        fail("the command 'pkg-config' was not found; scripts/setup installs it")
    result = subprocess.run(["pkg-config", "--cflags", "--libs", *modules], capture_output=True, text=True)
    if result.returncode != 0:
        fail(f"{peer.name} needs {' '.join(modules)}: install the development package\n{result.stderr}")
    return result.stdout.split()


def run(*command):
    """Runs a build step and returns whether it succeeded; its own words are the error message."""
    if not shutil.which(command[0]):
        fail(f"the command '{command[0]}' was not found; scripts/setup says what a build needs")
    return subprocess.run(command, stdout=sys.stderr).returncode == 0

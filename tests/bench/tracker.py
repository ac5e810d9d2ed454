"""tracker.py: the tracker with 10^6 simulated players, and announces/s against opentracker.

docs/TESTING.md says what is compared. REFRAIN_PEERS sets the number of simulated players (1000000:
they take 1.3 GB).
"""

import hashlib
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import refrain  # noqa: E402

ROUNDS, CONNECTIONS, HASHES, KEYS, KEYS_ALONE = 3, 50, 1000, 60000, 4000


def program(name):
    return pathlib.Path(refrain.program("refrain-origin")).with_name(name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def wait_open(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            continue
    raise SystemExit("opentracker does not start")


def crowd():
    peers = int(os.environ.get("REFRAIN_PEERS", "1000000"))
    print(f"{peers} simulated players with 100 files each:", flush=True)
    subprocess.run([program("tracker_crowd"), str(peers), "100", str(peers)], check=True)


def load(*arguments):
    command = [program("tracker_load"), *map(str, arguments)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


class OpenTracker:
    """It keeps what it was told, so that each measurement has a fresh one."""

    def __init__(self, folder):
        self.hashes = folder / "hashes"
        self.hashes.write_text("".join(hashlib.sha1(str(i).encode()).hexdigest() + "\n"
                                       for i in range(HASHES)))
        self.hashes.chmod(0o644)  # Debian's opentracker serves only what a list allows
        self.folder = folder

    def __enter__(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["opentracker", "-i", "127.0.0.1", "-p", str(self.port), "-P", str(self.port),
             "-d", self.folder, "-u", "nobody", "-w", "hashes"], cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_open(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def measure(self, how):
        return load(how, "127.0.0.1", self.port, CONNECTIONS, HASHES, self.hashes)


def compare(sandbox):
    origins = {"plain": refrain.Origin(folder=sandbox.path / "plain", sandbox=sandbox),
               "tls": refrain.Origin(folder=sandbox.path / "tls", sandbox=sandbox)}
    seen = {name: [] for name in ("plain", "tls", "alone", "http", "udp")}
    sandbox.path.chmod(0o755)
    theirs = OpenTracker(sandbox.path)
    for wire, origin in origins.items():
        origin.init()
        origin.serve(http=wire == "plain")
    try:
        for _ in range(ROUNDS):
            for wire, origin in origins.items():
                seen[wire].append(load("link", "127.0.0.1", origin.port, wire, CONNECTIONS, KEYS, 1000))
            seen["alone"].append(load("link", "127.0.0.1", origins["plain"].port, "plain", CONNECTIONS,
                                      KEYS_ALONE, 1))
            for how in ("http", "udp"):
                with theirs:
                    seen[how].append(theirs.measure(how))
    finally:
        for origin in origins.values():
            origin.stop()
    return {name: statistics.median(figures) for name, figures in seen.items()}


def main():
    crowd()
    if shutil.which("opentracker") is None:
        print("tracker: opentracker is not installed")
        return 0
    with refrain.Sandbox() as sandbox:
        seen = compare(sandbox)
    print(f"{CONNECTIONS} connections, (player, file) pairs a second, medians of {ROUNDS}:")
    print(f"  refrain-origin, 1,000 keys an ANNOUNCE: {seen['plain']:.0f} plain, {seen['tls']:.0f} TLS 1.3")
    print(f"  refrain-origin, 1 key an ANNOUNCE: {seen['alone']:.0f} plain")
    print(f"  opentracker: {seen['http']:.0f} HTTP, {seen['udp']:.0f} UDP")
    for ours in ("plain", "tls", "alone"):
        print(f"  {ours}: {seen[ours] / seen['http']:.1f}x HTTP, {seen[ours] / seen['udp']:.1f}x UDP")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""swarm.py: files from four peers on loopback, `refrain fetch all` against libtorrent 2.0.

The music is noise in FLAC files of a little under 64 MiB, made once. Four `refrain daemon` hold all of
it; a fifth player with an empty cache fetches all: TLS 1.3, every chunk verified, into the cache on
the disk, which is synced, and then out of it into files (-o) in memory, which the peers' rival does not
have to do. The other side: the same files as one BitTorrent v1 torrent, four seeding processes,
plaintext TCP, straight to files on the same disk, not synced, no DHT, no rate limits, dialled directly.
In turns; medians of REFRAIN_BENCH_ROUNDS (3).

Ours is clocked from exec to exit, libtorrent from adding the torrent until it says that all is there.
Processor time is user + system: of the downloader (whole process; libtorrent since the torrent was
added), and with it that of the four who give (and our origin) in the same span. 1 GB = 10^9 bytes.

REFRAIN_SWARM_MIB: how much in all (512; less when the disk or the memory is small, and it says so).
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import refrain

ROUNDS = int(os.environ.get("REFRAIN_BENCH_ROUNDS", "3"))
PEERS, FILE_MIB = 4, 63
LIMIT_S = 100
CLOCK_HZ = os.sysconf("SC_CLK_TCK")


def total_mib(folder):
    """Ten copies exist at once: the origin, five caches, the files fetched, the seeders', the download."""
    wanted = int(os.environ.get("REFRAIN_SWARM_MIB", "512"))
    room = shutil.disk_usage(folder).free >> 20
    fits = min(wanted, room // 12)
    if fits < wanted:
        print(f"swarm: {room} MiB of disk are free, so {fits} MiB instead of {wanted}")
    return max(fits, FILE_MIB)


def make_music(folder, mib):
    """Noise of 16 bits in stereo: FLAC keeps it as it is, so that sizes are known."""
    folder.mkdir()
    left, number = mib, 0
    while left > 0:
        size, number = min(left, FILE_MIB), number + 1
        subprocess.run(["flac", "-s", "-0", "--force-raw-format", "--endian=little", "--sign=signed",
                        "--channels=2", "--bps=16", "--sample-rate=44100", "-T", f"TITLE=Noise {number}",
                        "-T", "ARTIST=Bench", "-T", f"TRACKNUMBER={number}", "-o", folder / f"{number:02}.flac",
                        "-"], input=os.urandom(size << 20), check=True)
        left -= size


def cpu_s(pid):
    """User and system seconds of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_HZ


# --- ours ----------------------------------------------------------------------------------------

def start_daemons(origin, sandbox):
    """The first one's cache is fetched from the origin, the others get copies of it."""
    players = [refrain.Player(origin, refrain.Sandbox(sandbox.path / f"peer{i}")) for i in range(PEERS)]
    out = sandbox.path / "filled"
    done = players[0].fetch("all", out, timeout_s=LIMIT_S)
    if done.code != 0:
        raise SystemExit(f"swarm: a cache could not be filled: {done.describe()}")
    shutil.rmtree(out)
    for player in players[1:]:
        shutil.copytree(players[0].sandbox.cache, player.sandbox.cache, dirs_exist_ok=True)
    return [player.daemon() for player in players]


def out_place(sandbox, size):
    """Where the files go that `fetch` makes of the cache: memory, so that the disk is written once."""
    memory = pathlib.Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > 2 * size
    return memory if fits else sandbox.path


def fetch_once(origin, sandbox, givers, size):
    """(seconds, processor seconds of the fetch, of all, bytes by source)."""
    player = refrain.Player(origin, refrain.Sandbox(sandbox.path / "fifth"))
    out = pathlib.Path(tempfile.mkdtemp(prefix="refrain-swarm-", dir=out_place(sandbox, size)))
    before = sum(cpu_s(pid) for pid in givers)
    began, mine = time.monotonic(), os.times()
    done = player.fetch("all", out / "files", timeout_s=LIMIT_S)
    seconds, after = time.monotonic() - began, os.times()
    shutil.rmtree(out)
    if done.code != 0:
        raise SystemExit(f"swarm: the fetch failed: {done.describe()}")
    own = after.children_user + after.children_system - mine.children_user - mine.children_system
    every = own + sum(cpu_s(pid) for pid in givers) - before
    player.sandbox.remove()
    return seconds, own, every, done.summary


# --- libtorrent ----------------------------------------------------------------------------------

def make_session():
    import libtorrent  # pylint: disable=import-outside-toplevel
    return libtorrent, libtorrent.session({
        "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "enable_outgoing_utp": False,
        "enable_incoming_utp": False, "allow_multiple_connections_per_ip": True,
        "out_enc_policy": 2, "in_enc_policy": 2, "alert_mask": 0x40 | 0x1})


def torrent_of(libtorrent, path):
    return {"ti": libtorrent.torrent_info(str(path))}


def seed(torrent, folder):
    """In a process of its own: seeds until its standard input ends; says its port when all is checked."""
    libtorrent, session = make_session()
    handle = session.add_torrent({**torrent_of(libtorrent, torrent), "save_path": folder})
    while not handle.status().is_seeding:
        session.wait_for_alert(50)
        session.pop_alerts()
    print(session.listen_port(), flush=True)
    sys.stdin.read()


def download(torrent, folder, *ports):
    """In a process of its own: says seconds and processor seconds until all is on disk."""
    libtorrent, session = make_session()
    began, used = time.monotonic(), time.process_time()
    handle = session.add_torrent({**torrent_of(libtorrent, torrent), "save_path": folder})
    for port in ports:
        handle.connect_peer(("127.0.0.1", int(port)))
    while not handle.status().is_seeding:
        session.wait_for_alert(20)
        session.pop_alerts()
    seconds = time.monotonic() - began
    session.pause()
    print(json.dumps([seconds, time.process_time() - used]), flush=True)


def make_torrent(music, path):
    import libtorrent  # pylint: disable=import-outside-toplevel
    storage = libtorrent.file_storage()
    libtorrent.add_files(storage, str(music))
    torrent = libtorrent.create_torrent(storage, flags=libtorrent.create_torrent.v1_only)
    libtorrent.set_piece_hashes(torrent, str(music.parent))
    path.write_bytes(libtorrent.bencode(torrent.generate()))


class Seeders:
    def __init__(self, torrent, folder):
        self.torrent = torrent
        self.processes = [subprocess.Popen([sys.executable, "-B", __file__, "seed", torrent, folder],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                          for _ in range(PEERS)]
        self.ports = [process.stdout.readline().strip() for process in self.processes]

    def download_once(self, folder):
        folder.mkdir()
        before = sum(cpu_s(process.pid) for process in self.processes)
        done = subprocess.run([sys.executable, "-B", __file__, "download", self.torrent, folder, *self.ports],
                              stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_S)
        every = sum(cpu_s(process.pid) for process in self.processes) - before
        shutil.rmtree(folder)
        seconds, own = json.loads(done.stdout)
        return seconds, own, own + every

    def stop(self):
        for process in self.processes:
            process.stdin.close()
            process.wait()


# --- both ----------------------------------------------------------------------------------------

def tell(name, runs, size):
    """Prints one side's medians; the rate."""
    rate = size / statistics.median(run[0] for run in runs) / 1e6
    own, every = (statistics.median(run[i] for run in runs) / size * 1e9 for i in (1, 2))
    print(f"{name:10} {rate:6.1f} MB/s ({', '.join(f'{size / run[0] / 1e6:.0f}' for run in runs)}), "
          f"{own:.2f} CPU-s/GB of who takes, {every:.2f} of all")
    return rate, own, every


def tell_sources(runs):
    sources = {name: sum(run[3]["bytes"][name] for run in runs) for name in ("peers", "origin", "cache")}
    whole = sum(sources.values())
    print("refrain's bytes: " + ", ".join(f"{100 * part / whole:.2f} % {name}" for name, part in sources.items())
          + f"; {100 * sum(run[3]['duplicate_bytes'] for run in runs) / whole:.2f} % twice, "
          f"{100 * sum(run[3]['overhead_bytes'] for run in runs) / whole:.2f} % overhead")


def main():
    try:
        import libtorrent  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("swarm: python3-libtorrent is not installed: refrain alone")
        libtorrent = None
    with refrain.Sandbox() as sandbox, refrain.Origin(sandbox) as origin:
        music = sandbox.path / "music"
        make_music(music, total_mib(sandbox.path))
        origin.init()
        origin.add(music)
        size = sum(file["bytes"] for track in origin.tracks() for file in track["files"])
        origin.serve()
        daemons = start_daemons(origin, sandbox)
        givers = [process.pid for process in [origin.process, *daemons]]
        seeders = None
        if libtorrent:
            torrent = sandbox.path / "music.torrent"
            make_torrent(music, torrent)
            seeders = Seeders(torrent, sandbox.path)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(fetch_once(origin, sandbox, givers, size))
            if seeders:
                theirs.append(seeders.download_once(sandbox.path / "download"))
        print(f"{size / 2**20:.0f} MiB in {len(origin.tracks())} files from {PEERS} peers, medians of {ROUNDS}")
        mine = tell("refrain", ours, size)
        tell_sources(ours)
        if seeders:
            other = tell("libtorrent", theirs, size)
            print(f"ratio      {mine[0] / other[0]:.2f}x MB/s (goal 1.0), {mine[1] / other[1]:.2f}x CPU of who "
                  f"takes, {mine[2] / other[2]:.2f}x of all")
            seeders.stop()
        for process in daemons:
            process.stop()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(*sys.argv[2:])
    elif sys.argv[1:2] == ["download"]:
        download(*sys.argv[2:])
    else:
        sys.exit(main())

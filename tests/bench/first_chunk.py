"""first_chunk.py: the first 64 KiB of a file from one peer on loopback, cold and warm link.

Sides: refrain (a daemon that is told to play over its control socket), libtorrent 2.0 and, where node
and npm's registry are there, webtorrent 1.9.7. docs/TESTING.md says what exactly is clocked. Medians
of REFRAIN_BENCH_ROUNDS (7), the sides in turns. Goals of refrain: <= 50 ms cold, <= 10 ms warm.

REFRAIN_WEBTORRENT=FOLDER: a folder with node_modules/webtorrent 1.9.7 in it, instead of npm install.
"""

import ctypes
import http.server
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import refrain

ROUNDS = int(os.environ.get("REFRAIN_BENCH_ROUNDS", "7"))
WANTED = 65536
LIMIT_S = 20
GOAL_MS = {"cold": 50, "warm": 10}
ALERTS = 0x400000 | 0x1  # a piece is there; errors
CLONE_NEWNET = 0x40000000

WEBTORRENT = """
const [torrent, folder, tracker] = process.argv.slice(2)
const WebTorrent = require(process.env.REFRAIN_WEBTORRENT + '/node_modules/webtorrent')
const client = new WebTorrent({ dht: false, lsd: false, webSeeds: false, utp: false, natUpnp: false,
                                natPmp: false })
const now = () => Number(process.hrtime.bigint()) / 1e6
const show = (what) => process.stdout.write(JSON.stringify(what) + '\\n')
const began = now()
const t = client.add(torrent, { path: folder, announce: [tracker] })
t.on('download', () => { if (t.downloaded >= 65536) { show({ ms: now() - began }); process.exit(0) } })
"""


# --- refrain -------------------------------------------------------------------------------------

def wait_for(look, what):
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if look():
            return
    raise SystemExit(f"first_chunk: no {what} within {LIMIT_S} s")


def leave_network():
    """Into a network namespace with a loopback only: discovery by multicast would link us beforehand."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    else:
        print("first_chunk: no network namespace of its own (not root): the LAN may be heard")


def neighbours(control):
    return control.do("peers")["peers"]


def play_until_there(control, track):
    """Milliseconds from the command until 64 KiB of payload came from the peer, and from anybody."""
    def counts():
        summary = control.do("status")["summary"]["bytes"]
        return summary["peers"], summary["peers"] + summary["origin"]

    peers_before, all_before = counts()
    began = time.monotonic()
    control.do("play", targets=[track])
    from_any = None
    while time.monotonic() - began < LIMIT_S:
        peers, every = counts()
        now = (time.monotonic() - began) * 1e3
        if from_any is None and every - all_before >= WANTED:
            from_any = now
        if peers - peers_before >= WANTED:
            return now, from_any
    raise SystemExit(f"first_chunk: 64 KiB did not come from the peer within {LIMIT_S} s")


def refrain_round(origin, sandbox, tracks):
    """A fresh player: cold, then warm with the next track; milliseconds by kind."""
    player = refrain.Player(origin, refrain.Sandbox(sandbox.path / "taker"))
    found = {}
    with player.daemon() as daemon, player.control() as control:
        wait_for(lambda: (control.do("status")["origin"] or {}).get("up"), "link to the origin")
        if neighbours(control):
            print("first_chunk: the peer was linked before it was asked: not cold")
        found["cold"], found["cold, anybody"] = play_until_there(control, tracks[0])
        control.do("stop")
        wait_for(lambda: neighbours(control), "neighbour")
        found["warm"], found["warm, anybody"] = play_until_there(control, tracks[1])
        daemon.stop()
    player.sandbox.remove()
    return found


# --- BitTorrent's side: a tracker that knows one peer, and libtorrent -------------------------------

class Tracker(http.server.BaseHTTPRequestHandler):
    """Names the seeder to whoever announces."""

    protocol_version = "HTTP/1.1"
    port = 0

    def do_GET(self):
        peer = socket.inet_aton("127.0.0.1") + self.port.to_bytes(2, "big")
        body = b"d8:intervali1800e5:peers6:" + peer + b"e"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass  # a session that ends does not wait for the answer

    def log_message(self, *_):
        pass


def start_tracker():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Tracker,), {}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def make_session(libtorrent):
    return libtorrent.session({
        "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
        "enable_upnp": False, "enable_natpmp": False, "enable_outgoing_utp": False,
        "enable_incoming_utp": False, "allow_multiple_connections_per_ip": True,
        "close_redundant_connections": False, "out_enc_policy": 2, "in_enc_policy": 2, "alert_mask": ALERTS})


def make_torrent(libtorrent, file, path, tracker):
    storage = libtorrent.file_storage()
    libtorrent.add_files(storage, str(file))
    torrent = libtorrent.create_torrent(storage, piece_size=WANTED, flags=libtorrent.create_torrent.v1_only)
    torrent.add_tracker(f"http://127.0.0.1:{tracker.server_port}/announce")
    libtorrent.set_piece_hashes(torrent, str(file.parent))
    path.write_bytes(libtorrent.bencode(torrent.generate()))


def seed(torrent, folder):
    """In a process of its own: seeds until its standard input ends."""
    import libtorrent  # pylint: disable=import-outside-toplevel
    session = make_session(libtorrent)
    handle = session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": folder})
    while not handle.status().is_seeding:
        session.wait_for_alert(50)
        session.pop_alerts()
    print(session.listen_port(), flush=True)
    sys.stdin.read()


def until_piece(session, began):
    """Milliseconds until the first piece (64 KiB) has come and is verified."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        session.wait_for_alert(100)
        if any(type(alert).__name__ == "piece_finished_alert" for alert in session.pop_alerts()):
            return (time.monotonic() - began) * 1e3
    raise SystemExit("first_chunk: libtorrent brings no piece")


def take(kind, torrent, folder):
    """In a process of its own, which ends without libtorrent's own ending: says the milliseconds."""
    import libtorrent  # pylint: disable=import-outside-toplevel
    session = make_session(libtorrent)
    parameters = libtorrent.add_torrent_params()
    parameters.ti, parameters.save_path = libtorrent.torrent_info(torrent), folder
    pieces = parameters.ti.num_pieces()
    if kind == "warm":
        parameters.piece_priorities = [0] * (pieces - 2) + [4, 0]
    began = time.monotonic()
    handle = session.add_torrent(parameters)
    ms = until_piece(session, began)
    if kind == "warm":  # that was another piece: the link is there and has been used
        began = time.monotonic()
        handle.piece_priority(0, 7)
        ms = until_piece(session, began)
    print(ms, flush=True)
    os._exit(0)


def libtorrent_round(torrent, folder):
    found = {}
    for kind in ("cold", "warm"):
        folder.mkdir()
        done = subprocess.run([sys.executable, "-B", __file__, "take", kind, torrent, folder], check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=2 * LIMIT_S)
        found[kind] = float(done.stdout)
        shutil.rmtree(folder)
    return found


# --- webtorrent ----------------------------------------------------------------------------------

def find_webtorrent(sandbox):
    """The folder that has it, or why there is none."""
    if "REFRAIN_WEBTORRENT" in os.environ:
        return os.environ["REFRAIN_WEBTORRENT"], None
    if not (shutil.which("node") and shutil.which("npm")):
        return None, "node and npm are not installed"
    folder = sandbox.path / "webtorrent"
    folder.mkdir()
    try:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional",
                        "webtorrent@1.9.7"], cwd=folder, check=True, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None, "npm could not install webtorrent 1.9.7"
    return str(folder), None


def webtorrent_round(folder, script, torrent, save, tracker):
    save.mkdir()
    announce = f"http://127.0.0.1:{tracker.server_port}/announce"
    done = subprocess.run(["node", script, torrent, save, announce],
                          env={**os.environ, "REFRAIN_WEBTORRENT": folder}, check=True, timeout=LIMIT_S,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    shutil.rmtree(save)
    return {"cold": json.loads(done.stdout.splitlines()[-1])["ms"]}


# --- all -----------------------------------------------------------------------------------------

def tell(name, runs):
    for kind in runs[0]:
        values = [run[kind] for run in runs]
        goal = f" (goal {GOAL_MS[kind]})" if name == "refrain" and kind in GOAL_MS else ""
        print(f"{name:11} {kind:14} median {statistics.median(values):6.1f} ms{goal}, "
              f"{min(values):.1f} to {max(values):.1f} of {len(values)}")


def main():
    try:
        import libtorrent  # pylint: disable=import-outside-toplevel
    except ImportError:
        libtorrent = None
        print("first_chunk: python3-libtorrent is not installed: skipped")
    with refrain.Sandbox() as sandbox, refrain.Origin(sandbox) as origin:
        webtorrent, why = find_webtorrent(sandbox) if libtorrent else (None, "it needs libtorrent's torrent")
        if webtorrent is None:
            print(f"first_chunk: webtorrent is skipped: {why}")
        leave_network()
        origin.init()
        origin.add(*refrain.wesnoth(2))
        tracks = [track["id"] for track in origin.tracks()]
        origin.serve()
        giver = refrain.Player(origin, refrain.Sandbox(sandbox.path / "giver"))
        if giver.fetch("all", sandbox.path / "files").code != 0:
            raise SystemExit("first_chunk: the peer's cache could not be filled")
        runs = {"refrain": [], "libtorrent": [], "webtorrent": []}
        daemon = giver.daemon()
        with giver.control() as control:
            wait_for(lambda: (control.do("status")["origin"] or {}).get("up"), "link of the peer")
        tracker = start_tracker()
        torrent = sandbox.path / "one.torrent"
        file = refrain.wesnoth(1)[0]
        seeder = None
        if libtorrent:
            make_torrent(libtorrent, file, torrent, tracker)
            seeder = subprocess.Popen([sys.executable, "-B", __file__, "seed", torrent, file.parent],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            tracker.RequestHandlerClass.port = int(seeder.stdout.readline())
        script = sandbox.path / "webtorrent.js"
        script.write_text(WEBTORRENT)
        for _ in range(ROUNDS):
            runs["refrain"].append(refrain_round(origin, sandbox, tracks))
            if libtorrent:
                runs["libtorrent"].append(libtorrent_round(torrent, sandbox.path / "lt"))
            if webtorrent:
                runs["webtorrent"].append(webtorrent_round(webtorrent, script, torrent, sandbox.path / "wt",
                                                           tracker))
        for name, results in runs.items():
            if results:
                tell(name, results)
        daemon.stop()
        if seeder:
            seeder.stdin.close()
            seeder.wait()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["seed"]:
        seed(*sys.argv[2:])
    elif sys.argv[1:2] == ["take"]:
        take(*sys.argv[2:])
    else:
        sys.exit(main())

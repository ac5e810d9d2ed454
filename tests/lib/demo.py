"""demo.py BUILD FOLDER: what `./dev demo` does.

Makes a temporary origin of FOLDER, serves it on a free port of the loopback interface, and starts three
other players that hold a third of the music each. Then plays all of it in real time: nearly all bytes
come from the three, whom the player finds by itself. Then plays it once more from the cache that the
first time has filled, as fast as it decodes: nobody has to sit through the same music twice. Says in
plain words what came from where. Nothing stays behind, however it ends.
"""

import contextlib
import os
import pathlib
import signal
import sys

PEERS = 3
build, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
os.environ["REFRAIN_BIN_DIR"] = str(build)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import refrain  # noqa: E402  (it reads the environment)


def say(text):
    print(text, flush=True)


def plural(count, noun):
    return f"{count} {noun}{'' if count == 1 else 's'}"


def megabytes(count):
    return f"{count / 1e6:.2f} MB"


def tell(title, play):
    """One run's summary in words."""
    summary = play.summary
    sources = summary["bytes"]
    total = sum(sources.values()) or 1
    waits = [record["wait_ms"] for record in play.of("play")]
    say(f"\n{title}: {plural(summary['tracks'], 'track')}, {summary['played_ms'] / 1000:.1f} s of music")
    for name, words in (("cache", "from the cache"), ("peers", "from peers"), ("origin", "from the origin")):
        say(f"  {words:16} {megabytes(sources[name]):>10}  {100 * sources[name] / total:5.1f} %")
    if waits:
        say(f"  {'first sound':16} {waits[0]:>7} ms  after the start")
    say(f"  {'stutters':16} {summary['stutters']:>10}")


def listen(player, title, *options):
    """Plays everything, telling what plays; the finished process."""
    say(f"\n{title}")
    process = begin(player.start, "play", "all", *options)
    told = 0
    with process:
        code = None
        while code is None:
            try:
                event = process.wait_event(timeout_s=24 * 3600)
            except refrain.Ended:
                code = process.finish()
            for line in process.errors[told:]:
                say(f"  {line}")
                told += 1
            if code is None and event.get("event") == "started":
                say(f"  playing {names.get(event['track'], event['track'])}")
        if code != 0 or process.summary is None:
            raise SystemExit(f"demo: the player ended with {code}")
    return process


pending = []      # signals that came while a program was being started
starting = False


def on_signal(number, _frame):
    if starting:
        pending.append(number)
    else:
        raise SystemExit(128 + number)


def begin(start, *arguments):
    """Starts a program; a signal that comes meanwhile waits, so that nothing runs on unknown to us."""
    global starting
    starting = True
    process = start(*arguments)
    starting = False
    if pending:
        if isinstance(process, refrain.Process):
            process.kill()
        raise SystemExit(128 + pending[0])
    return process


def fill(peer, ids):
    """Puts these tracks into a player's cache, over the program that is there for it."""
    fetched = begin(peer.start, "fetch", *ids, "-o", f"{peer.sandbox.path}/files/", "--no-peers")
    with fetched:
        if fetched.finish(3600) != 0:
            raise SystemExit(f"demo: a peer's cache could not be filled: {fetched.stderr}")


def start_peers(stack, sandbox, origin, tracks):
    """Three daemons with a third of the tracks each (in the order of the album); the players."""
    peers = []
    for number in range(PEERS):
        part = tracks[number * len(tracks) // PEERS:(number + 1) * len(tracks) // PEERS]
        peer = refrain.Player(origin, refrain.Sandbox(sandbox.path / f"peer-{number + 1}"))
        if part:
            fill(peer, [track["id"] for track in part])
        daemon = stack.enter_context(begin(peer.start, "daemon", "--output", "null"))
        daemon.wait_event("ready")
        say(f"  player {number + 1} has {plural(len(part), 'track')}"
            f"{': ' if part else ''}{', '.join(track['title'] for track in part)}")
        peers.append(peer)
    return peers


for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(ending, on_signal)
if not folder.is_dir():
    raise SystemExit(f"demo: {folder} is not a folder")

with refrain.Sandbox() as sandbox, refrain.Origin(sandbox) as origin, contextlib.ExitStack() as stack:
    origin.init()
    origin.add(folder.resolve(), timeout_s=3600)
    tracks = origin.tracks()
    if not tracks:
        raise SystemExit(f"demo: there is no music in {folder}")
    names = {track["id"]: f"{track['title']} ({track['artist']})" for track in tracks}
    say(f"an origin of {folder}: {plural(len(tracks), 'track')}, "
        f"{megabytes(sum(file['bytes'] for track in tracks for file in track['files']))}")
    begin(origin.serve)
    say(f"it serves at {origin.url}")
    say("\nthree other players, each with a part of it in its cache")
    peers = start_peers(stack, sandbox, origin, tracks)
    player = refrain.Player(origin, sandbox)
    first = listen(player, "first time, in real time: the others give what they have",
                   "--output", "auto")
    given = [peer.status()["upload"]["given_bytes"] for peer in peers]
    second = listen(player, "second time, as fast as it goes: everything is in the cache",
                    "--output", "null", "--fast")
    origin.stop()
    tell("First time", first)
    for number, count in enumerate(given, 1):
        say(f"  {f'player {number} gave':16} {megabytes(count):>10}")
    tell("Second time", second)

"""demo.py BUILD FOLDER: what `./dev demo` does.

Makes a temporary origin of FOLDER, serves it on a free port of the loopback interface, plays all of
it in real time from the origin, then once more from the cache that the first time has filled, as fast
as it decodes: nobody has to sit through the same music twice. Says in plain words what came from
where. Nothing stays behind, however it ends.
"""

import os
import pathlib
import signal
import sys

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


for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(ending, on_signal)
if not folder.is_dir():
    raise SystemExit(f"demo: {folder} is not a folder")

with refrain.Sandbox() as sandbox, refrain.Origin(sandbox) as origin:
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
    player = refrain.Player(origin, sandbox)
    first = listen(player, "first time, in real time: everything comes from the origin",
                   "--output", "auto")
    second = listen(player, "second time, as fast as it goes: everything is in the cache",
                    "--output", "null", "--fast")
    origin.stop()
    tell("First time", first)
    tell("Second time", second)

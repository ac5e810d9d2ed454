"""refrain.py: how the Python suites and benchmarks start the programs and read what they say.

Sandbox is a folder of its own with the XDG folders in it, so that no test sees another's state or
the user's. Process is a running program whose JSON lines arrive as events; nothing here sleeps, all
waiting is for an event with a time limit. Origin and Player are the two programs.

The programs come from the build folder $REFRAIN_BIN_DIR (or build/debug). Ports are always 0: the
origin says which it got.
"""

import array
import atexit
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import wave

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "media" / "sample"
WESNOTH = pathlib.Path("/usr/share/games/wesnoth/1.16/data/core/music")

# The table of common/exit_code.h (docs/CLI.md).
EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_NETWORK = 0, 1, 2, 3, 4
EXIT_IDENTITY, EXIT_STORAGE, EXIT_IN_USE, EXIT_MEDIA, EXIT_INTERNAL = 5, 6, 7, 8, 9
EXIT_INTERRUPTED = 130

_FOLDERS = {"refrain": "player", "refrain-origin": "streamserver", "refrain-measure": "measure"}


def build_kind():
    """What kind of build is tested: debug, release, asan or tsan."""
    return os.environ.get("REFRAIN_BUILD_KIND", "debug")


def patience():
    """Factor for time limits: sanitizers are slow."""
    return {"asan": 4, "tsan": 10}.get(build_kind(), 1)


def program(name):
    """The path of a program of the build that is tested."""
    base = pathlib.Path(os.environ.get("REFRAIN_BIN_DIR", ROOT / "build" / "debug"))
    for path in (base / _FOLDERS[name] / name, base / name):
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"{name} is not in {base}")


def wesnoth(count=None):
    """The first `count` tracks (or all 41) of wesnoth-1.16-music; skipped where they are missing."""
    tracks = sorted(WESNOTH.glob("*.ogg"))
    if not tracks:
        raise unittest.SkipTest("wesnoth-1.16-music is not installed")
    return tracks[:count]


class Sandbox:
    """A temporary folder with the XDG folders of one user; a context manager."""

    def __init__(self, path=None):
        self._owned = path is None
        self.path = pathlib.Path(path or tempfile.mkdtemp(prefix="refrain-"))
        self.cache = self.path / "cache"
        self.config = self.path / "config"
        self.state = self.path / "state"
        self.runtime = self.path / "runtime"
        for folder in (self.cache, self.config, self.state, self.runtime):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._owned:
            atexit.register(shutil.rmtree, self.path, True)

    def environment(self, **extra):
        environment = {key: value for key, value in os.environ.items() if key != "REFRAIN_ORIGIN"}
        environment.update(XDG_CACHE_HOME=str(self.cache), XDG_CONFIG_HOME=str(self.config),
                           XDG_STATE_HOME=str(self.state), XDG_RUNTIME_DIR=str(self.runtime),
                           HOME=str(self.path), LC_ALL="C.UTF-8")
        # GStreamer's list of plugins is the machine's: making it anew for each test takes a second.
        environment.setdefault("GST_REGISTRY", str(pathlib.Path(tempfile.gettempdir()).parent
                                                   / "refrain-test-gst-registry.bin"))
        environment.update({key: str(value) for key, value in extra.items()})
        return environment

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Ended(Exception):
    """The program ended, or the time passed, before what was waited for came."""


class Process:
    """A running program. Its standard output is read line by line; JSON objects become events."""

    def __init__(self, arguments, environment, cwd=None, prefix=(), preexec_fn=None):
        self.arguments = [*map(str, prefix), *map(str, arguments)]
        self.events = []        # all so far
        self.lines = []         # what was no JSON object
        self.errors = []        # lines of standard error
        self._arrived = queue.Queue()
        self._next = 0          # first event that wait_event has not looked at
        self.popen = subprocess.Popen(self.arguments, env=environment, cwd=cwd, text=True,
                                      errors="replace", stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      preexec_fn=preexec_fn)
        self._threads = [threading.Thread(target=self._read_output, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for thread in self._threads:
            thread.start()
        atexit.register(self.kill)

    def _read_output(self):
        for line in self.popen.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict):
                self.events.append(event)
                self._arrived.put(True)
            else:
                self.lines.append(line.rstrip("\n"))
                self._arrived.put(True)
        self._arrived.put(False)

    def _read_errors(self):
        for line in self.popen.stderr:
            self.errors.append(line.rstrip("\n"))

    @property
    def pid(self):
        return self.popen.pid

    @property
    def stderr(self):
        return "\n".join(self.errors)

    def describe(self):
        return (f"{' '.join(self.arguments)}\n  exit code {self.popen.poll()}\n  last events: "
                f"{self.events[-3:]}\n  stderr: {self.stderr[-3000:]}")

    def _wait(self, look, what, timeout_s):
        """What look() gives as soon as it gives something; looks again at each line that arrives."""
        deadline = time.monotonic() + timeout_s * patience()
        while True:
            found = look()
            if found is not None:
                return found
            try:
                more = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Ended(f"no {what} within {timeout_s} s: {self.describe()}") from None
            if not more:
                self._arrived.put(False)
                found = look()
                if found is not None:
                    return found
                self.popen.wait()
                raise Ended(f"ended before {what}: {self.describe()}")

    def wait_event(self, name=None, timeout_s=20, where=None):
        """The next event of that name (or any) for which where(event) holds; each is seen once."""
        def look():
            while self._next < len(self.events):
                event = self.events[self._next]
                self._next += 1
                if (name is None or event.get("event") == name) and (where is None or where(event)):
                    return event
            return None

        return self._wait(look, name or "an event", timeout_s)

    def wait_line(self, text, timeout_s=20):
        """The first line of plain output that holds the text."""
        return self._wait(lambda: next((line for line in self.lines if text in line), None), text, timeout_s)

    def finish(self, timeout_s=60):
        """Waits for the end; the exit code."""
        try:
            self.popen.wait(timeout_s * patience())
        except subprocess.TimeoutExpired:
            self.kill()
            raise Ended(f"still running after {timeout_s} s: {self.describe()}") from None
        for thread in self._threads:
            thread.join()
        self.popen.stdout.close()
        self.popen.stderr.close()
        atexit.unregister(self.kill)
        return self.popen.returncode

    def send_signal(self, number):
        self.popen.send_signal(number)

    def stop(self, timeout_s=10):
        """Asks for an orderly end (SIGTERM); the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        return self.finish(timeout_s)

    def kill(self):
        """kill -9, and waits until it is gone."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    @property
    def summary(self):
        """The summary, the last line of a play or fetch; None when there is none."""
        last = self.events[-1] if self.events else {}
        return last if last.get("event") == "summary" else None

    def of(self, name):
        """All events of that name so far."""
        return [event for event in self.events if event.get("event") == name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def run(arguments, environment, timeout_s=60, **options):
    """Runs a program to its end; the finished Process, its exit code in .code."""
    process = Process(arguments, environment, **options)
    process.code = process.finish(timeout_s)
    return process


class Origin:
    """An origin folder and, between serve() and stop() or kill(), the program that serves it."""

    def __init__(self, sandbox=None, folder=None):
        self.sandbox = sandbox or Sandbox()
        self.folder = pathlib.Path(folder or self.sandbox.path / "origin")
        self.process = None
        self.url = None

    def command(self, *arguments, timeout_s=120, **options):
        """refrain-origin ARGUMENTS, to its end."""
        return run([program("refrain-origin"), *arguments], self.sandbox.environment(), timeout_s,
                   **options)

    def init(self):
        return self._must(self.command("init", self.folder))

    def add(self, *paths, timeout_s=300):
        return self._must(self.command("add", self.folder, *paths, timeout_s=timeout_s))

    def tracks(self):
        """What it has: the objects of `ls --json`."""
        return self._must(self.command("ls", self.folder, "--json")).events

    @staticmethod
    def _must(process):
        if process.code != 0:
            raise AssertionError(process.describe())
        return process

    def serve(self, *arguments, http=False, listen="127.0.0.1:0", **options):
        """Starts to serve and waits for the listening line; the event."""
        command = [program("refrain-origin"), "serve", self.folder, "--listen", listen, "--json",
                   *(["--http"] if http else []), *arguments]
        self.process = Process(command, self.sandbox.environment(), **options)
        event = self.process.wait_event("listening")
        self.url = event["url"]
        return event

    @property
    def address(self):
        """HOST:PORT."""
        return self.url.split("://", 1)[1].rstrip("/")

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def stop(self):
        code = self.process.stop()
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process = None

    def restart(self, http=False):
        """Serves again at the same address."""
        return self.serve(http=http, listen=self.address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()


class Player:
    """The player with a sandbox of its own, and which origin it asks."""

    def __init__(self, origin=None, sandbox=None):
        self.sandbox = sandbox or Sandbox()
        self.origin = origin

    def start(self, *arguments, origin=True, **options):
        """refrain ARGUMENTS --json, running."""
        command = [program("refrain"), *arguments, "--json"]
        if origin and self.origin is not None:
            command += ["--origin", self.origin.url]
        return Process(command, self.sandbox.environment(), **options)

    def run(self, *arguments, timeout_s=60, origin=True, **options):
        process = self.start(*arguments, origin=origin, **options)
        process.code = process.finish(timeout_s)
        return process

    def play(self, *targets, output="null", fast=True, timeout_s=60, **options):
        """Plays to the end, as fast as it goes; the finished Process."""
        return self.run("play", *targets, "--output", output, *(["--fast"] if fast else []),
                        timeout_s=timeout_s, **options)

    def fetch(self, target, path, **options):
        return self.run("fetch", target, "-o", path, **options)

    def daemon(self, *arguments, output="null", **options):
        """A running `refrain daemon` that is ready: its control socket is there."""
        process = self.start("daemon", "--output", output, *arguments, **options)
        process.ready = process.wait_event("ready")
        return process

    def control(self):
        """A client of the control socket of the engine that runs."""
        return Control(self.sandbox.state / "refrain")

    def status(self):
        """What `refrain status --json` says."""
        return self._answer("status")

    def peers(self):
        """What `refrain peers --json` says: a list."""
        return self._answer("peers")["peers"]

    def _answer(self, verb):
        process = self.run(verb, origin=False)
        if process.code != 0 or not process.events:
            raise AssertionError(process.describe())
        return process.events[0]

    def cache_status(self):
        process = self.run("cache", "status", origin=False)
        if process.code != 0 or not process.events:
            raise AssertionError(process.describe())
        return process.events[-1]


class Control:
    """A client of an engine's control socket (docs/CLI.md); a context manager."""

    def __init__(self, state, timeout_s=20):
        folder = os.open(state, os.O_PATH | os.O_DIRECTORY)
        try:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s * patience())
            self.socket.connect(f"/proc/self/fd/{folder}/engine.sock")
        finally:
            os.close(folder)
        self.file = self.socket.makefile("rb")
        self.greeting = self.read()
        self._last = 0

    def read(self):
        """The next line; None when the engine has closed."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def write(self, data):
        """Raw bytes."""
        self.socket.sendall(data)

    def ask(self, verb, **fields):
        """The answer, whatever it is."""
        self._last += 1
        self.write(json.dumps({"id": self._last, "do": verb, **fields}).encode() + b"\n")
        answer = self.read()
        if answer is None or answer.get("id") != self._last:
            raise AssertionError(f"{verb}: {answer}")
        return answer

    def do(self, verb, **fields):
        """The answer, which must be ok."""
        answer = self.ask(verb, **fields)
        if answer.get("ok") is not True:
            raise AssertionError(f"{verb}: {answer}")
        return answer

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Wav:
    """A WAV file: rate, channels, bits, is_float, data (bytes) and frames."""

    def __init__(self, path):
        raw = pathlib.Path(path).read_bytes()
        if raw[:4] not in (b"RIFF", b"RF64") or raw[8:12] != b"WAVE":
            raise AssertionError(f"{path} is no WAV file")
        at, self.data = 12, None
        while at + 8 <= len(raw) and self.data is None:
            name, size = raw[at:at + 4], struct.unpack_from("<I", raw, at + 4)[0]
            if name == b"fmt ":
                form, self.channels, self.rate, _, self.frame_bytes, self.bits = struct.unpack_from(
                    "<HHIIHH", raw, at + 8)
                if form == 0xfffe:
                    form = struct.unpack_from("<H", raw, at + 8 + 24)[0]
                self.is_float = form == 3
            elif name == b"data":
                self.data = raw[at + 8:at + 8 + size] if size < 0xffffff00 else raw[at + 8:]
            at += 8 + size + size % 2
        if self.data is None:
            raise AssertionError(f"{path} has no data")
        self.frames = len(self.data) // self.frame_bytes

    def samples_16(self):
        """All samples on the scale of 16-bit integers, as floats or ints."""
        if self.is_float:
            return [value * 32768.0 for value in array.array("f", self.data)]
        if self.bits == 16:
            return array.array("h", self.data)
        if self.bits == 32:
            return [value / 65536.0 for value in array.array("i", self.data)]
        raise AssertionError(f"{self.bits} bits")


def make_wav(path, seconds=1.0, hertz=440, rate=44100, channels=2, seed=0):
    """Writes a triangle tone with a little noise, so that it compresses like music, not like silence."""
    period = rate / hertz
    noise = seed * 2654435761 + 12345
    frames = array.array("h")
    for i in range(int(seconds * rate)):
        noise = (noise * 1103515245 + 12345) & 0x7fffffff
        phase = (i % period) / period
        value = int((4 * abs(phase - 0.5) - 1) * 9000) + (noise >> 16) % 400 - 200
        frames.extend([value] * channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return pathlib.Path(path)


def make_tone(path, seconds=1.0, title=None, artist="Test", album="Tones", number=1, **tone):
    """Writes a tagged .ogg, .opus or .flac file with a tone; skipped where the encoder is missing."""
    path = pathlib.Path(path)
    encoder = {".ogg": "oggenc", ".opus": "opusenc", ".flac": "flac"}[path.suffix]
    if shutil.which(encoder) is None:
        raise unittest.SkipTest(f"{encoder} is not installed")
    plain = make_wav(path.with_suffix(".wav"), seconds, **tone)
    title = title or path.stem
    command = {
        "oggenc": ["oggenc", "-Q", "-q", "5", "-t", title, "-a", artist, "-l", album, "-N",
                   str(number), "-o", path, plain],
        "opusenc": ["opusenc", "--quiet", "--title", title, "--artist", artist, "--album", album,
                    "--comment", f"tracknumber={number}", plain, path],
        "flac": ["flac", "-s", "-f", "-T", f"TITLE={title}", "-T", f"ARTIST={artist}", "-T",
                 f"ALBUM={album}", "-T", f"TRACKNUMBER={number}", "-o", path, plain],
    }[encoder]
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    plain.unlink()
    return path


def seed_from_environment(name="REFRAIN_SEED"):
    """The seed of a random test: from the environment to replay one, else fresh; it is printed."""
    seed = int(os.environ.get(name) or int.from_bytes(os.urandom(4), "big"))
    print(f"{name}={seed} replays this run", file=sys.stdout, flush=True)
    return seed

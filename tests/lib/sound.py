"""sound.py: a listener whose ears are a test's: what a player lets out, when, and whether it is right.

The player plays through its own path for audio devices, in real time; the device is GStreamer's
filesink into a FIFO, and an Ear reads that. So both can be asserted: that every sample is the
reference's, and (by the player's own records) that it never stood still.
"""

import os
import select
import shutil
import subprocess
import threading
import types
import unittest
import wave

import refrain

FRAME_BYTES, RATE = 4, 44100  # of the tones of refrain.make_tone


def make_tracks(folder, titles, seconds):
    """A FLAC file for each title, {title: path}: the same noise, beginning elsewhere in each."""
    if shutil.which("flac") is None:
        raise unittest.SkipTest("flac is not installed")
    plain = refrain.make_wav(folder / "noise.wav", seconds)
    with wave.open(str(plain)) as file:
        frames = file.readframes(file.getnframes())
    paths = {}
    for number, title in enumerate(titles):
        at = (number + 1) * len(frames) // (len(titles) + 1) // FRAME_BYTES * FRAME_BYTES
        paths[title] = folder / f"{title}.flac"
        subprocess.run(["flac", "-s", "-f", "--force-raw-format", "--endian=little", "--sign=signed",
                        "--channels=2", "--bps=16", f"--sample-rate={RATE}", "-T", f"TITLE={title}",
                        "-T", "ARTIST=Test", "-o", str(paths[title]), "-"], check=True,
                       input=frames[at:] + frames[:at])
    plain.unlink()
    return paths


def reference(path):
    """What another decoder makes of a FLAC file: interleaved 16-bit samples."""
    return subprocess.run(["flac", "-d", "-s", "-c", "--force-raw-format", "--endian=little",
                           "--sign=signed", str(path)], check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE).stdout


class Ear:
    """Reads a FIFO as long as somebody writes; `heard` is all that came."""

    def __init__(self, path):
        os.mkfifo(path)
        # Open for writing as well: a device that is closed and opened again does not end the sound.
        self.fifo = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.end = os.pipe()
        self.heard = bytearray()
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        poll = select.poll()
        poll.register(self.fifo, select.POLLIN)
        poll.register(self.end[0], select.POLLIN)
        while True:
            ready = [number for number, _ in poll.poll()]
            if self.fifo not in ready:
                return  # what was written has been read
            part = os.read(self.fifo, 65536)
            with self.changed:
                self.heard += part
                self.changed.notify_all()

    @property
    def seconds(self):
        return len(self.heard) / FRAME_BYTES / RATE

    def wait(self, seconds, timeout_s=20):
        """Until so many seconds of sound have come in all."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.seconds >= seconds,
                                         timeout_s * refrain.patience()):
                raise AssertionError(f"{self.seconds:.2f} s of sound, not {seconds}")

    def close(self):
        os.write(self.end[1], b".")
        self.thread.join()
        for number in (self.fifo, *self.end):
            os.close(number)


class Listener:
    """A player of its own at an origin's URL, with an Ear. A context manager."""

    def __init__(self, url, **environment):
        self.player = refrain.Player(types.SimpleNamespace(url=url))
        self.sandbox = self.player.sandbox
        path = self.sandbox.path / "ear"
        self.ear = Ear(path)
        self.environment = dict(
            environment, REFRAIN_AUDIO_SINK=f"filesink location={path} buffer-mode=unbuffered sync=true")
        self.process = None

    def start(self, verb, *arguments, prefix=()):
        command = [refrain.program("refrain"), verb, *arguments, "--json", "--origin",
                   self.player.origin.url]
        self.process = refrain.Process(command, self.sandbox.environment(**self.environment),
                                       prefix=prefix)
        return self.process

    def finish(self, timeout_s=60):
        """The run's summary; everything must have gone well and been heard without a standstill."""
        process = self.process
        process.code = process.finish(timeout_s)
        self.ear.close()
        if process.code != 0 or process.summary is None or process.of("error"):
            raise AssertionError(process.describe())
        return process.summary

    def close(self):
        if self.process is not None:
            self.process.kill()
        self.sandbox.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

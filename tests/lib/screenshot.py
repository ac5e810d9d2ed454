#!/usr/bin/python3
"""screenshot.py [FOLDER]: a session of the full screen in tmux, with a picture of each step.

Starts an origin with the sample album (and wesnoth-1.16-music, where it is installed), two daemons
that have a part of it, and `refrain play` in tmux; presses keys: search, play, seek, queue, resize,
quit. Prints what was done as a transcript with the screen as text; writes a PNG of each step, the
first two of which docs/TUI.md shows, into FOLDER (default: docs). Needs tmux, python3-pyte, python3-pil
and fonts-dejavu-core. The programs come from $REFRAIN_BIN_DIR (or build/debug).
"""

import pathlib
import subprocess
import sys
import threading

import pyte
import refrain
from PIL import Image, ImageDraw, ImageFont

CELL_X, CELL_Y, EDGE = 9, 18, 14
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono"
BACKGROUND, FOREGROUND = (22, 24, 31), (216, 220, 230)
PARTS = "▏▎▍▌▋▊▉█"


class Tmux:
    """One window of a tmux server of its own."""

    def __init__(self, columns, rows, command, environment):
        self.socket = f"refrain-{id(self)}"
        self.environment = environment
        self.do("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), command)

    def do(self, *arguments):
        return subprocess.run(["tmux", "-L", self.socket, *arguments], env=self.environment, check=True,
                              capture_output=True, text=True).stdout

    def press(self, *keys):
        self.do("send-keys", *keys)

    def text(self):
        return self.do("capture-pane", "-p")

    def wait(self, words, timeout_s=30):
        """Until the words stand there; looked at ten times a second."""
        pause = threading.Event()
        for _ in range(timeout_s * 10):
            if words in self.text():
                return
            pause.wait(0.1)
        raise SystemExit(f"screenshot: no {words!r} in\n{self.text()}")

    def cells(self):
        columns, rows = map(int, self.do("display", "-p", "#{pane_width} #{pane_height}").split())
        screen = pyte.Screen(columns, rows)
        text = self.do("capture-pane", "-e", "-p").removesuffix("\n")
        pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
        return screen

    def close(self):
        self.do("kill-server")


def colour(name, default):
    return default if name == "default" or len(name) != 6 else bytes.fromhex(name)


def paint(screen, path):
    fonts = [ImageFont.truetype(f"{FONT}{kind}.ttf", 15) for kind in ("", "-Bold")]
    image = Image.new("RGB", (screen.columns * CELL_X + 2 * EDGE, screen.lines * CELL_Y + 2 * EDGE),
                      BACKGROUND)
    draw = ImageDraw.Draw(image)
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            ink, paper = tuple(colour(cell.fg, FOREGROUND)), tuple(colour(cell.bg, BACKGROUND))
            ink, paper = (paper, ink) if cell.reverse else (ink, paper)
            left, top = EDGE + x * CELL_X, EDGE + y * CELL_Y
            right, bottom = left + CELL_X - 1, top + CELL_Y - 1
            draw.rectangle((left, top, right, bottom), fill=paper)
            if cell.data and cell.data in PARTS:
                filled = (PARTS.index(cell.data) + 1) * CELL_X / 8
                draw.rectangle((left, top, left + filled - 0.5, bottom), fill=ink)
            elif cell.data == "▀":
                draw.rectangle((left, top, right, top + CELL_Y // 2 - 1), fill=ink)
            elif cell.data.strip():
                draw.text((left, top), cell.data, font=fonts[cell.bold], fill=ink)
            if cell.underscore:
                draw.line((left, bottom - 1, right, bottom - 1), fill=ink)
    image.save(path, optimize=True)


class Session:
    def __init__(self, tmux, folder):
        self.tmux, self.folder = tmux, folder

    def step(self, what, words, *keys, picture=None):
        """Presses keys, waits for words, tells, and takes the picture."""
        if keys:
            self.tmux.press(*keys)
        self.tmux.wait(words)
        print(f"== {what}: {' '.join(keys)}\n{self.tmux.text().rstrip()}\n", flush=True)
        if picture:
            paint(self.tmux.cells(), self.folder / f"{picture}.png")


def neighbour(origin, tracks):
    """A player that has some tracks and gives them."""
    player = refrain.Player(origin)
    player.run("fetch", *tracks, "-o", player.sandbox.path / "out")
    daemon = player.start("daemon", "--output", "null")
    daemon.wait_event("ready")
    return daemon


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else refrain.ROOT / "docs")
    with refrain.Sandbox() as sandbox, refrain.Origin(sandbox) as origin:
        origin.init()
        origin.add(refrain.SAMPLE)
        if refrain.WESNOTH.exists():
            origin.add(*refrain.wesnoth(12))
        origin.serve()
        listed = origin.tracks()
        tracks = [track["id"] for track in listed]
        longest = max(listed, key=lambda track: track["duration_ms"])["id"]
        player = refrain.Player(origin)
        with player.start("play", longest, "--output", "null", "--no-peers") as once:
            once.wait_event("started")
            once.stop()
        daemons = [neighbour(origin, tracks[1::2]), neighbour(origin, tracks[::3])]
        environment = player.sandbox.environment(COLORTERM="truecolor", PS1="$ ")
        command = f"{refrain.program('refrain')} play {longest} all --output null --origin {origin.url}"
        tmux = Tmux(100, 30, "bash --norc", environment)
        session = Session(tmux, folder)
        try:
            tmux.press(f"clear; {command}", "Enter")
            session.step("play", "playing")
            tmux.wait("Peers 2")
            session.step("seek", "0:1", "Right")
            session.step("like", "liked", "l")
            tmux.press("j", "j", "j", "l", "j", "j", "j", "l", "k", "k", "Escape")
            tmux.wait("space pause")
            tmux.press("}", "}")
            session.step("a minute on, twice", "2:2")
            tmux.press("}")
            session.step("the queue", "▶ playing", picture="tui-queue")
            session.step("next", "0:00", "n")
            session.step("search", "search", "/")
            session.step("answers while typing", "Tracks", "el" if len(tracks) > 6 else "can",
                         picture="tui-search")
            session.step("queue the first one", "queued", "Tab", "a")
            session.step("play it", "playing", "Enter")
            session.step("library", "album", "2")
            session.step("keys", "pause and go on", "?")
            tmux.press("q")
            tmux.do("resize-window", "-x", "40", "-y", "10")
            session.step("40x10", "Queue", "1")
            tmux.do("resize-window", "-x", "20", "-y", "5")
            session.step("20x5", " / ")
            tmux.do("resize-window", "-x", "100", "-y", "30")
            session.step("quit", "played", "q")
        finally:
            tmux.close()
            for daemon in daemons:
                daemon.stop()


if __name__ == "__main__":
    main()

"""Names: targets, search, lists, the copy of the catalogue, the configuration; with the real programs."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import refrain  # noqa: E402


def setUpModule():
    global SANDBOX, FOLDER
    SANDBOX = refrain.Sandbox()
    origin = refrain.Origin(SANDBOX)
    FOLDER = origin.folder
    origin.init()
    origin.add(*[refrain.make_tone(SANDBOX.path / f"tone{i}.ogg", 0.3, number=i, title=f"S\u00f6ng {i}",
                                   artist="\u00c4rtist", album="First" if i < 3 else "Second", hertz=100 * i)
                 for i in range(1, 5)])


def tearDownModule():
    SANDBOX.remove()


class User(unittest.TestCase):
    """A listener with folders of his own, and what he runs."""

    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.state = self.sandbox.state / "refrain"
        self.url = None

    def serve(self, folder=None):
        origin = refrain.Origin(SANDBOX, folder or FOLDER)
        origin.serve(http=True)
        self.addCleanup(lambda: origin.process and origin.stop())
        self.url = origin.url
        return origin

    def run_it(self, *arguments, code=0, **environment):
        if self.url:
            environment.setdefault("REFRAIN_ORIGIN", self.url)
        done = subprocess.run([refrain.program("refrain"), *map(str, arguments)], text=True, timeout=120,
                              errors="replace", capture_output=True,
                              env=self.sandbox.environment(**environment))
        self.assertEqual(done.returncode, code, (arguments, done.stdout[-500:], done.stderr[-1500:]))
        return done

    def objects(self, *arguments, **options):
        return [json.loads(line) for line in self.run_it(*arguments, "--json", **options).stdout.splitlines()]

    def titles(self, *arguments, **options):
        return [track["title"] for track in self.objects(*arguments, **options)]

    def played(self, *targets, code=0, **options):
        lines = self.run_it("play", "--output", "null", "--fast", "--json", *targets, code=code, **options).stdout
        return [event["title"] for event in map(json.loads, lines.splitlines()) if event["event"] == "started"]


class Targets(User):
    def test_names(self):
        self.serve()
        self.assertEqual(self.played("song 1"), ["S\u00f6ng 1"])
        self.assertEqual(self.played("artist:artist"), [f"S\u00f6ng {i}" for i in (1, 2, 3, 4)])
        self.assertEqual(self.played("second", "S\u00f6ng 2"), ["S\u00f6ng 3", "S\u00f6ng 4", "S\u00f6ng 2"])
        self.assertEqual(self.played("first", "nothing", code=1), ["S\u00f6ng 1", "S\u00f6ng 2"])
        self.assertEqual(self.played("nothing", code=3), [])

    def test_choices(self):
        self.serve()
        several = self.run_it("play", "song", code=2)
        self.assertIn("4 things have this name", several.stderr)
        self.assertIn("S\u00f6ng 1 by \u00c4rtist (First)", several.stderr)
        error = self.objects("play", "song", code=2)[0]
        self.assertEqual((error["event"], error["exit_code"], len(error["choices"])), ("error", 2, 4))
        self.assertEqual(self.played(error["choices"][0]["target"]), ["S\u00f6ng 1"])

    def test_lists(self):
        self.serve()
        self.run_it("playlist", "new", "Mix", "second")
        self.run_it("like", "song 2")
        self.assertEqual(self.played("mix", "liked"), ["S\u00f6ng 3", "S\u00f6ng 4", "S\u00f6ng 2"])
        for name in ("mix.m3u", "mix.xspf"):
            path = self.sandbox.path / name
            self.run_it("playlist", "export", "Mix", "-o", path)
            self.assertEqual(self.played(path), ["S\u00f6ng 3", "S\u00f6ng 4"])

    def test_offline_and_away(self):
        origin = self.serve()
        self.played("first")
        origin.stop()
        self.assertEqual(self.played("first"), ["S\u00f6ng 1", "S\u00f6ng 2"], "the origin is away")
        self.assertEqual(self.played("first", "--offline"), ["S\u00f6ng 1", "S\u00f6ng 2"])
        self.assertEqual(self.titles("search", "song", "--offline"), [f"S\u00f6ng {i}" for i in (1, 2, 3, 4)])
        self.assertEqual(self.played("never heard", code=4), [], "it can't be asked")
        self.assertEqual(self.played("never heard", "--offline", code=3), [])


class Copy(User):
    def test_refresh(self):
        folder = self.sandbox.path / "origin"
        shutil.copytree(FOLDER, folder)
        origin = self.serve(folder)
        self.assertEqual(len(self.titles("search", "song")), 4)
        copy = next(self.state.glob("catalogues/*.copy"))
        before = copy.stat().st_ino
        origin.add(refrain.make_tone(self.sandbox.path / "new.ogg", 0.3, title="Newcomer", hertz=999))
        self.run_it("search", "newcomer", code=3)   # asked a moment ago: the copy is shown as it is
        os.utime(copy, (0, 0))
        self.assertEqual(self.titles("search", "newcomer"), ["Newcomer"])
        self.assertNotEqual(copy.stat().st_ino, before)
        self.assertEqual(self.played("newcomer"), ["Newcomer"])
        # Another catalogue in the same place: everything anew (the identity must be let go first).
        origin.stop()
        other = refrain.Origin(refrain.Sandbox(self.sandbox.path / "other"))
        other.init()
        other.add(refrain.make_tone(self.sandbox.path / "other.ogg", 0.3, title="Else", hertz=777))
        other.serve(http=True, listen=f"127.0.0.1:{origin.port}")
        self.addCleanup(lambda: other.process and other.stop())
        os.utime(copy, (0, 0))
        denied = self.run_it("search", "else", code=5)
        self.assertIn("identity", denied.stderr)
        (self.state / "known_origins").unlink()
        self.assertEqual(self.titles("search", "else"), ["Else"])
        self.assertEqual([album["album"] for album in self.objects("ls", "albums")], ["Tones"])

    def test_damaged_or_killed(self):
        self.serve()
        self.titles("search", "song")
        copy = next(self.state.glob("catalogues/*.copy"))
        whole = copy.read_bytes()
        for content in (b"", b"nonsense", whole[:-7], whole[:64] + bytes(64) + whole[128:]):
            copy.write_bytes(content)
            self.assertEqual(len(self.titles("search", "song")), 4)
        # What a killed writer leaves is no harm.
        copy.with_name(copy.name + ".new").write_bytes(b"half")
        (self.state / "likes.m3u8.new").write_bytes(b"half")
        self.run_it("like", "song 1")
        self.assertEqual(self.titles("likes"), ["S\u00f6ng 1"])

    def test_kill_while_writing(self):
        self.serve()
        self.titles("search", "song")
        self.run_it("playlist", "new", "P", "song 1")
        for _ in range(6):
            process = subprocess.Popen([refrain.program("refrain"), "playlist", "add", "P", "first"],
                                       env=self.sandbox.environment(REFRAIN_ORIGIN=self.url),
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            count = len(self.titles("playlist", "show", "P"))
            self.assertEqual(count % 2, 1, "all of an addition or nothing")

    def test_complete(self):
        self.assertEqual(self.run_it("complete", "targets", "a").stdout, "all\tevery track\n")
        self.serve()
        self.titles("search", "song")
        lines = self.run_it("complete", "targets", "a").stdout.splitlines()
        self.assertEqual(lines, ["all\tevery track", "\u00c4rtist\tartist"])
        self.run_it("complete", "nonsense", "a")


class HostileOrigin(User):
    """A catalogue that wants to steer the terminal, or the player."""

    def setUp(self):
        super().setUp()
        test = self
        self.page = b""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b'{"identity":"%s"}' % (b"ab" * 32) if self.path == "/v1/origin" else test.page
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def test_escapes(self):
        evil = "ev\u001b[2Jil\u202e\u0007\n\t\u009bx"
        self.page = json.dumps({"items": [{"id": "11" * 16, "title": evil, "artist": evil, "album": evil,
                                           "album_id": "22" * 16}], "revision": "1-11111111", "more": False}).encode()
        for arguments in (("search", "ev"), ("ls", "albums"), ("ls", "artists"), ("complete", "tracks", "e"),
                          ("search", "ev", "--json"), ("like", "track:ev"), ("likes",), ("playlist", "export", "liked")):
            out = self.run_it(*arguments).stdout
            self.assertFalse(set(out) & set("\u001b\u202e\u0007\u009b"), (arguments, out))
        self.assertNotIn("\u001b", (self.state / "likes.m3u8").read_text())

    def test_no_catalogue(self):
        pages = [b"", b"[]", b"{}", b'{"items":[1]}', b"\xff\xfe", b'{"items":[],"revision":"../../x"}',
                 b'{"items":[{"id":"%s","title":"\xff"}]}' % (b"11" * 16), b"[" * 100000]
        for self.page in pages:
            done = self.run_it("search", "x", code=3)
            self.assertIn("list of tracks", done.stderr)

    def test_large(self):
        self.page = json.dumps({"items": [
            {"id": f"{i:032x}", "title": f"Title number {i}", "artist": f"Artist {i % 997}", "album": f"Album {i // 12}",
             "album_id": f"{i // 12 + 1:032x}", "track": i % 12} for i in range(15000)],
            "revision": "15000-00000000", "more": False}).encode()
        self.assertEqual([track["id"] for track in self.objects("search", "number 14999") if track["kind"] == "track"],
                         [f"{14999:032x}"])
        self.assertEqual(len(self.objects("ls", "albums")), 1250)


class Configuration(User):
    def write(self, text):
        folder = self.sandbox.config / "refrain"
        folder.mkdir(exist_ok=True)
        (folder / "refrain.conf").write_text(text)

    def test_options_and_origins(self):
        origin = self.serve()
        self.url = None
        self.write(f"[options]\ncolour=red\n[play]\noutput=null\nfast=true\n[origin mine]\nurl={origin.url}\n"
                   "[origin other]\nurl=http://127.0.0.1:1\n")
        for arguments in (("song 1",), ("mine:song 1",), ("--origin", "mine", "song 1"),
                          ("--origin", origin.url, "song 1")):
            done = self.run_it("play", *arguments)
            self.assertIn("refrain.conf:2: colour: no such option", done.stderr)
        self.assertIn("another origin", self.run_it("play", "mine:song 1", "other:x", code=2).stderr)
        self.assertIn("another origin", self.run_it("play", "--origin", "other", "mine:x", code=2).stderr)
        self.assertEqual(self.run_it("complete", "origins", "m").stdout, f"mine\t{origin.url}\n")
        info = self.objects("info")[0]
        self.assertTrue(info["configuration"]["exists"])
        self.assertEqual(info["origin"]["url"], origin.url)
        self.assertEqual(info["catalogue"]["tracks"], 4)

    def test_wrong_lines(self):
        for text, words in (("[options]\nfast\n", ":2: no value"), ("fast=true\n", ":1: it stands in no group"),
                            ("[play]\n\noutput=nowhere\n", ":3: --output nowhere: no such output"),
                            ("[options]\nfast=perhaps\n", "true or false")):
            self.write(text)
            self.assertIn(words, self.run_it("play", "x", code=2).stderr)
            self.run_it("complete", "targets", "x")


class Daemon(User):
    def test_verbs_and_events(self):
        origin = self.serve()
        player = refrain.Player(origin)
        self.sandbox = player.sandbox
        self.state = self.sandbox.state / "refrain"
        with player.daemon() as daemon, player.control() as control, player.control() as listener:
            listener.do("subscribe", events=["library"])
            started = control.do("play", targets=["artist:artist"])
            self.assertEqual(started["entries"], 4)
            several = control.ask("play", targets=["song"])
            self.assertEqual((len(several["choices"]), "4 things" in several["error"]), (4, True))
            self.assertEqual([track["title"] for track in control.do("search", text="song 3")["tracks"]], ["S\u00f6ng 3"])
            self.assertEqual(control.do("like", targets=["song 3"])["tracks"], 1)
            self.assertEqual(control.do("playlist_new", name="Mine", targets=["first"])["tracks"], 2)
            self.run_it("playlist", "add", "Mine", "song 4")     # from outside
            self.assertEqual(control.do("playlist", name="Mine")["total"], 3)
            self.assertEqual(control.do("queue_add", targets=["liked", "mine"])["entries"], 4)
            changed = set()
            while not {"likes", "playlists"} <= changed:
                event = listener.read()
                if event.get("event") == "library":
                    changed.add(event["what"])
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()

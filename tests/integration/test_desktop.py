"""test_desktop.py: Refrain among other programs: gateway, GStreamer plug-in, MPRIS, hooks, packaging.

What a machine may lack (mpv, Chromium, playerctl, ...) skips with a reason.
"""

import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import unittest

import refrain

PROGRAM = refrain.program("refrain")


def need(*programs):
    for name in programs:
        if shutil.which(name) is None:
            raise unittest.SkipTest(f"{name} is not installed")


class WithOrigin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.origin = refrain.Origin(cls.sandbox)
        cls.origin.init()
        cls.origin.add(refrain.SAMPLE)
        cls.tracks = cls.origin.tracks()
        cls.origin.serve(http=True)

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.sandbox.remove()

    def player(self, **options):
        player = refrain.Player(self.origin, **options)
        self.addCleanup(player.sandbox.remove)
        return player

    @classmethod
    def bytes_of(cls, track):
        """The file's bytes, as the origin has them."""
        root = track["files"][0]["id"].split("-")[0]
        return next(cls.origin.folder.glob(f"media/*/{root}")).read_bytes()

    def gateway(self, player, *arguments):
        """A running gateway with its answer in .gateway."""
        process = player.start("gateway", "--no-peers", *arguments)
        self.addCleanup(process.kill)
        process.gateway = process.wait_event("gateway")
        return process


def ask(url, headers=None, method="GET", host=None):
    """(status, headers, body) of a request."""
    place, path = re.fullmatch(r"http://([^/]+)(/.*)", url).groups()
    connection = http.client.HTTPConnection(place, timeout=30 * refrain.patience())
    connection.putrequest(method, path, skip_host=host is not None)
    for name, value in {**(headers or {}), **({"Host": host} if host else {})}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


class Gateway(WithOrigin):
    def test_bytes_and_ranges(self):
        player = self.player()
        gateway = self.gateway(player)
        for track in self.tracks[:4]:
            url = gateway.gateway["tracks"] + track["id"]
            data = self.bytes_of(track)
            status, headers, body = ask(url)
            self.assertEqual((status, len(body), body == data), (200, len(data), True))
            self.assertEqual(headers["Accept-Ranges"], "bytes")
            for first, last in ((0, 0), (100, 70000), (16383, 16385), (len(data) - 1, len(data) - 1)):
                status, headers, body = ask(url, {"Range": f"bytes={first}-{last}"})
                self.assertEqual((status, body), (206, data[first:last + 1]))
                self.assertEqual(headers["Content-Range"], f"bytes {first}-{last}/{len(data)}")
            status, headers, body = ask(url, {"Range": "bytes=-5000"})
            self.assertEqual((status, body), (206, data[-5000:]))
            status, headers, body = ask(url, {"Range": f"bytes={len(data)}-"})
            self.assertEqual((status, headers["Content-Range"]), (416, f"bytes */{len(data)}"))
            status, headers, body = ask(url, method="HEAD")
            self.assertEqual((status, int(headers["Content-Length"]), body), (200, len(data), b""))
            status, _, _ = ask(url, {"If-None-Match": headers["ETag"]})
            self.assertEqual(status, 304)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(gateway.summary["tracks"], 4)

    def test_who_may_ask(self):
        player = self.player()
        gateway = self.gateway(player)
        url, token = gateway.gateway["url"], gateway.gateway["token"]
        track = self.tracks[0]["id"]
        own = url.removeprefix("http://")
        self.assertRegex(own, r"^127\.0\.0\.1:\d+$")
        self.assertEqual(ask(f"{url}/tracks/{track}?token={token}", method="HEAD")[0], 200)
        self.assertEqual(ask(f"{url}/{token}/tracks/{track}.ogg", method="HEAD")[0], 200)
        self.assertEqual(ask(f"{url}/tracks/{track}")[0], 403)
        self.assertEqual(ask(f"{url}/tracks/{track}?token={token[:-1]}0x")[0], 403)
        self.assertEqual(ask(f"{url}/{token}/tracks/{track}", host="rebound.example:80")[0], 403)
        self.assertEqual(ask(f"{url}/{token}/tracks/{track}", host=f"{own}.example")[0], 403)
        self.assertEqual(ask(f"{url}/{token}/tracks/{track}", method="POST")[0], 405)
        self.assertEqual(ask(f"{url}/{token}/tracks/{'0' * 32}")[0], 404)
        self.assertEqual(ask(f"{url}/{token}/v1/tracks")[0], 404)
        # The address stays good for the next run: same token, and the port if one is named.
        port = own.split(":")[1]
        self.assertEqual(gateway.stop(), 0)
        again = self.gateway(player, "--port", port)
        self.assertEqual(again.gateway["tracks"], gateway.gateway["tracks"])
        mode = (player.sandbox.state / "refrain" / "gateway.token").stat().st_mode
        self.assertEqual(mode & 0o777, 0o600)
        self.assertEqual(again.stop(), 0)

    def test_cache_and_offline(self):
        """What was read is in the cache: it comes without the origin; the rest is not to be had."""
        player = self.player()
        gateway = self.gateway(player)
        track = self.tracks[1]
        self.assertEqual(ask(gateway.gateway["tracks"] + track["id"])[2], self.bytes_of(track))
        self.assertEqual(gateway.stop(), 0)
        offline = self.gateway(player, "--offline")
        self.assertEqual(ask(offline.gateway["tracks"] + track["id"])[2], self.bytes_of(track))
        self.assertEqual(ask(offline.gateway["tracks"] + self.tracks[0]["id"])[0], 404)
        self.assertEqual(offline.stop(), 0)
        self.assertEqual(offline.summary["bytes"]["origin"], 0)

    def test_beside_a_daemon(self):
        """An engine that runs serves; `refrain gateway` only says where. A stop of its music leaves it."""
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            told = player.run("gateway", self.tracks[2]["id"], origin=False)
            self.assertEqual(told.code, 0)
            url = told.of("track")[0]["url"]
            self.assertEqual(url, control.do("gateway")["tracks"] + self.tracks[2]["id"])
            control.do("play", targets=[self.tracks[0]["id"]])
            daemon.wait_event("started")
            self.assertEqual(ask(url)[2], self.bytes_of(self.tracks[2]))
            control.do("stop")
            url = url.replace(self.tracks[2]["id"], self.tracks[3]["id"])
            self.assertEqual(ask(url)[2], self.bytes_of(self.tracks[3]))
            self.assertEqual(daemon.stop(), 0)

    def test_many_at_a_time(self):
        player = self.player()
        gateway = self.gateway(player)
        results = {}

        def read(number):
            track = self.tracks[number % len(self.tracks)]
            status, _, body = ask(gateway.gateway["tracks"] + track["id"])
            results[number] = (status, body == self.bytes_of(track))

        threads = [threading.Thread(target=read, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, {i: (200, True) for i in range(12)})
        self.assertEqual(gateway.stop(), 0)

    def test_a_listener_who_leaves(self):
        """Some seconds of a long track do not cost the whole of it; and the end of the run does not
        wait for a client that reads no more."""
        music = max(refrain.wesnoth(), key=lambda path: path.stat().st_size)
        with refrain.Origin(refrain.Sandbox()) as origin:
            self.addCleanup(origin.sandbox.remove)
            origin.init()
            origin.add(music)
            track = origin.tracks()[0]
            origin.serve(http=True)
            player = refrain.Player(origin)
            self.addCleanup(player.sandbox.remove)
            gateway = self.gateway(player)
            place, path = re.fullmatch(r"http://([^/]+)(/.*)", gateway.gateway["tracks"]).groups()
            connection = http.client.HTTPConnection(place, timeout=30 * refrain.patience())
            connection.request("GET", path + track["id"])
            answer = connection.getresponse()
            self.assertEqual(len(answer.read(65536)), 65536)
            self.assertEqual(gateway.stop(), 0)
            answer.close()
            connection.close()
            came = gateway.summary["bytes"]["origin"]
            self.assertGreater(track["files"][0]["bytes"], 8 << 20)
            self.assertLess(came, 4 << 20)  # read-ahead, and what the sockets hold

    def test_mpv(self):
        """mpv decodes from the gateway what it decodes from the file."""
        need("mpv")
        player = self.player()
        gateway = self.gateway(player)
        work = player.sandbox.path
        for track in self.tracks[:3]:
            heard = []
            local = work / "local"
            local.write_bytes(self.bytes_of(track))
            for place in (gateway.gateway["tracks"] + track["id"], local):
                subprocess.run(["mpv", "--no-config", "--no-video", "--really-quiet", "--no-ytdl",
                                "--ao=pcm", f"--ao-pcm-file={work / 'heard.wav'}", str(place)],
                               env=player.sandbox.environment(), check=True, stdin=subprocess.DEVNULL,
                               timeout=60 * refrain.patience())
                heard.append((work / "heard.wav").read_bytes())
            self.assertGreater(len(heard[0]), 100000)
            self.assertEqual(heard[0], heard[1])
        self.assertEqual(gateway.stop(), 0)

    def test_chromium(self):
        """<audio> of a browser plays to the end, and seeks."""
        need("chromium")
        player = self.player()
        gateway = self.gateway(player)
        url = gateway.gateway["tracks"] + self.tracks[0]["id"]
        page = f"""<audio id=a src="{url}"></audio><script>
            const a = document.getElementById("a");
            const tell = what => fetch("/told", {{method: "POST", body: JSON.stringify(what)}});
            a.onended = () => tell({{ended: a.currentTime, duration: a.duration}});
            a.onerror = () => tell({{error: a.error.message}});
            a.onloadedmetadata = () => {{ a.currentTime = a.duration - 2; a.play().catch(
                error => tell({{error: String(error)}})); }};
            </script>"""
        told, arrived = [], threading.Event()

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = page.encode() if self.path == "/" else b""
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()
                arrived.set()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={player.sandbox.path / 'chromium'}",
             f"http://127.0.0.1:{server.server_port}/"],
            env=player.sandbox.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.assertTrue(arrived.wait(60 * refrain.patience()), "the page said nothing")
        finally:
            os.killpg(browser.pid, 9)
            browser.wait()
            server.shutdown()
            server.server_close()
        self.assertNotIn("error", told[0])
        self.assertAlmostEqual(told[0]["ended"], self.tracks[0]["duration_ms"] / 1000, delta=0.2)
        self.assertEqual(gateway.stop(), 0)


class GStreamerPlugin(unittest.TestCase):
    """refrain:// in any GStreamer application: the same samples as from the file."""

    @classmethod
    def setUpClass(cls):
        need("gst-play-1.0", "gst-launch-1.0")
        cls.plugin = pathlib.Path(PROGRAM).parent / "libgstrefrain.so"
        if not cls.plugin.exists():
            raise unittest.SkipTest("the plug-in is not built")
        if refrain.build_kind() in ("asan", "tsan"):
            raise unittest.SkipTest("a plug-in with a sanitizer needs an application with one")
        cls.origin = refrain.Origin(refrain.Sandbox())
        cls.origin.init()
        cls.origin.add(refrain.SAMPLE)
        cls.tracks = cls.origin.tracks()
        cls.origin.serve()

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.origin.sandbox.remove()

    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)

    def environment(self):
        return self.sandbox.environment(GST_PLUGIN_PATH=self.plugin.parent,
                                        GST_REGISTRY=self.origin.sandbox.path / "registry.bin")

    def uri(self, track):
        return f"refrain://{self.origin.address}/tracks/{track['id']}"

    def decode(self, uri, tool="launch"):
        """The PCM that an application of GStreamer's makes of it."""
        path = self.sandbox.path / "heard"
        command = {"launch": ["gst-launch-1.0", "-q", "uridecodebin", f"uri={uri}", "!", "filesink",
                              f"location={path}"],
                   "play": ["gst-play-1.0", "--no-interactive", "-q", "--audiosink",
                            f"filesink location={path}", uri]}[tool]
        result = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False,
                                timeout=60 * refrain.patience())
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return path.read_bytes()

    def local(self, track):
        return WithOrigin.bytes_of.__func__(self, track)

    def test_alone(self):
        """An engine of its own in the process; the second time from the cache, the origin gone."""
        for number, tool in ((0, "play"), (3, "launch"), (4, "launch")):
            track = self.tracks[number]
            path = self.sandbox.path / "local"
            path.write_bytes(self.local(track))
            first = self.decode(self.uri(track), tool)
            self.assertGreater(len(first), 100000)
            self.assertEqual(first, self.decode(path.as_uri(), tool))
        self.assertFalse(any((self.sandbox.state / "refrain").glob("engine.sock")))
        self.origin.stop()
        try:
            self.assertEqual(self.decode(self.uri(track), tool), first)
        finally:
            self.origin.restart()

    def test_beside_an_engine(self):
        """Where a daemon runs, its cache and links are used; when it dies, playing goes on."""
        player = refrain.Player(self.origin, sandbox=self.sandbox)
        track = self.tracks[1]
        with player.daemon("--no-peers") as daemon:
            data = self.decode(self.uri(track))
            status = player.status()
            self.assertEqual(status["summary"]["bytes"]["origin"], track["files"][0]["bytes"])
            path = self.sandbox.path / "fifo"
            os.mkfifo(path)
            limit_s = 60 * refrain.patience()
            command = ["timeout", str(limit_s), "gst-launch-1.0", "-q", "uridecodebin",
                       f"uri={self.uri(self.tracks[0])}", "!", "filesink", f"location={path}"]
            reader = subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL)
            with open(path, "rb") as pcm:
                heard = pcm.read(65536)
                daemon.kill()
                heard += pcm.read()
            self.assertEqual(reader.wait(60 * refrain.patience()), 0)
        local = self.sandbox.path / "local"
        local.write_bytes(self.local(track))
        self.assertEqual(data, self.decode(local.as_uri()))
        local.write_bytes(self.local(self.tracks[0]))
        self.assertEqual(heard, self.decode(local.as_uri()))

    def test_what_can_not_be_had(self):
        """A sentence that names the reason."""
        for uri, reason in ((self.uri({"id": "0" * 32}), "no such track"),
                            (f"refrain://{self.origin.address}/tracks/xyz", "")):
            result = subprocess.run(["gst-launch-1.0", "uridecodebin", f"uri={uri}", "!", "fakesink"],
                                    env=self.environment(), stdin=subprocess.DEVNULL, text=True,
                                    capture_output=True, check=False, timeout=60 * refrain.patience())
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(reason, result.stderr + result.stdout)


class Bus:
    """A session bus of its own."""

    def __init__(self, sandbox):
        self.process = refrain.Process(["dbus-daemon", "--session", "--nofork", "--print-address"],
                                       sandbox.environment())
        self.address = self.process.wait_line("unix:").strip()

    def environment(self, sandbox):
        return sandbox.environment(DBUS_SESSION_BUS_ADDRESS=self.address)

    def stop(self):
        self.process.kill()


class WithBus(WithOrigin):
    def setUp(self):
        need("dbus-daemon", "playerctl", "gdbus")
        self.sandbox_of_player = refrain.Sandbox()
        self.addCleanup(self.sandbox_of_player.remove)
        self.bus = Bus(self.sandbox_of_player)
        self.addCleanup(self.bus.stop)
        self.environment = self.bus.environment(self.sandbox_of_player)
        self.ids = [track["id"] for track in self.tracks]

    def daemon(self):
        """A daemon that is on the bus, and a client of its control socket."""
        player = refrain.Player(self.origin, sandbox=self.sandbox_of_player)
        command = [PROGRAM, "daemon", "--output", "null", "--no-peers", "--json", "--origin", self.origin.url]
        daemon = refrain.Process(command, self.environment)
        self.addCleanup(daemon.kill)
        daemon.wait_event("ready")
        self.run_tool("gdbus", "wait", "--session", "--timeout", "20", "org.mpris.MediaPlayer2.refrain")
        control = player.control()
        self.addCleanup(control.close)
        return daemon, control

    def run_tool(self, *command):
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False,
                                stdin=subprocess.DEVNULL, timeout=30 * refrain.patience())
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def playerctl(self, *arguments):
        return self.run_tool("playerctl", "-p", "refrain", *arguments)

    def follow(self, text):
        """playerctl that writes a line for each change."""
        process = refrain.Process(["playerctl", "-p", "refrain", "metadata", "--follow", "--format", text],
                                  self.environment)
        self.addCleanup(process.kill)
        return process


class Mpris(WithBus):
    def test_what_plays(self):
        daemon, control = self.daemon()
        follow = self.follow("<{{title}}|{{artist}}|{{album}}|{{mpris:length}}|{{status}}>")
        control.do("play", targets=self.ids[:3])
        daemon.wait_event("started")
        track = self.tracks[0]
        follow.wait_line(f"<{track['title']}|{track['artist']}|{track['album']}|"
                         f"{track['duration_ms'] * 1000}|Playing>")
        self.assertEqual(self.playerctl("metadata", "xesam:url"),
                         f"refrain://{self.origin.address}/tracks/{track['id']}")
        # A gapless join: the words change with what is heard, not when the next one is made ready.
        control.do("seek", position_ms=track["duration_ms"] - 1500)
        line = follow.wait_line(f"<{self.tracks[1]['title']}|")
        self.assertIn("|Playing>", line)
        self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
        self.assertEqual(control.do("status")["playing"]["track"], self.ids[1])
        control.do("stop")
        follow.wait_line("||Stopped>")
        self.assertEqual(daemon.stop(), 0)

    def test_steering(self):
        daemon, control = self.daemon()
        follow = self.follow("<{{title}}|{{status}}|{{loop}}|{{shuffle}}>")
        control.do("play", targets=self.ids[:3])
        daemon.wait_event("started")
        follow.wait_line(f"<{self.tracks[0]['title']}|Playing|None|false>")
        self.playerctl("pause")
        follow.wait_line("|Paused|")
        self.assertEqual(control.do("status")["playing"]["state"], "paused")
        self.playerctl("position", "20")
        self.playerctl("play")
        follow.wait_line("|Playing|")
        self.assertGreaterEqual(control.do("status")["playing"]["position_ms"], 20000)
        self.assertGreaterEqual(float(self.playerctl("position")), 20.0)
        self.playerctl("position", "5-")
        self.playerctl("next")
        self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
        follow.wait_line(f"<{self.tracks[1]['title']}|Playing|")
        self.playerctl("loop", "Track")
        follow.wait_line("|Track|")
        self.assertEqual(control.do("status")["repeat"], "one")
        self.playerctl("shuffle", "On")
        follow.wait_line("|true>")
        self.assertEqual(control.do("status")["shuffle"], "tracks")
        self.playerctl("open", f"refrain://{self.origin.address}/tracks/{self.ids[3]}")
        self.assertEqual(daemon.wait_event("started")["track"], self.ids[3])
        self.playerctl("stop")
        follow.wait_line("|Stopped|")
        self.run_tool("gdbus", "call", "--session", "--dest", "org.mpris.MediaPlayer2.refrain",
                      "--object-path", "/org/mpris/MediaPlayer2", "--method", "org.mpris.MediaPlayer2.Quit")
        self.assertEqual(daemon.finish(), 0)

    def test_cover(self):
        """The picture as a file: the same bytes as the origin has, under a file:// address."""
        number = next((i for i, track in enumerate(self.tracks) if track["cover"]), None)
        if number is None:
            self.skipTest("no track of the sample has a cover")
        track = self.tracks[number]
        daemon, control = self.daemon()
        follow = self.follow("<{{title}}|{{mpris:artUrl}}>")
        control.do("play", targets=[track["id"]])
        line = follow.wait_line(f"<{track['title']}|file://")
        path = pathlib.Path(line.split("|file://")[1].rstrip(">"))
        self.assertTrue(path.is_relative_to(self.sandbox_of_player.cache))
        root = track["cover"]["id"].split("-")[0]
        self.assertEqual(path.read_bytes(), next(self.origin.folder.glob(f"media/*/{root}")).read_bytes())
        self.assertEqual(daemon.stop(), 0)

    def test_two_players(self):
        """The second one of a user has a name of its own."""
        first, _ = self.daemon()
        other = refrain.Sandbox()
        self.addCleanup(other.remove)
        command = [PROGRAM, "daemon", "--output", "null", "--no-peers", "--json", "--origin", self.origin.url]
        second = refrain.Process(command, self.bus.environment(other))
        self.addCleanup(second.kill)
        name = f"org.mpris.MediaPlayer2.refrain.instance{second.pid}"
        self.run_tool("gdbus", "wait", "--session", "--timeout", "20", name)
        self.assertEqual(second.stop(), 0)
        self.assertEqual(first.stop(), 0)

    def test_bus_dies(self):
        """The music does not notice."""
        daemon, control = self.daemon()
        control.do("play", targets=self.ids[:2])
        daemon.wait_event("started")
        self.bus.stop()
        control.do("next")
        self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
        self.assertEqual(daemon.stop(), 0)


class Hooks(WithOrigin):
    def hook(self, player, name, script):
        folder = player.sandbox.config / "refrain" / "hooks"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    def heard(self, player, name):
        """A hook that passes its object on into a FIFO; a function that gives the next one."""
        fifo = player.sandbox.path / f"{name}.fifo"
        os.mkfifo(fifo)
        self.hook(player, name, f'exec cat > "{fifo}"')

        def read():
            with open(fifo, encoding="utf-8") as objects:
                return json.loads(objects.read())

        return read

    @staticmethod
    def child_states(pid):
        states = []
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                stat = pathlib.Path(f"/proc/{child}/stat").read_text()
            except OSError:
                continue  # it has gone meanwhile
            states.append(stat.rsplit(")", 1)[1].split()[0])
        return states

    def test_objects(self):
        player = self.player()
        start, played = self.heard(player, "on-track-start"), self.heard(player, "on-play")
        with player.daemon("--no-peers") as daemon, player.control() as control:
            first, second = self.tracks[:2]
            control.do("play", targets=[first["id"], second["id"]], position_ms=first["duration_ms"] - 4000)
            told = start()
            self.assertEqual((told["event"], told["track"], told["title"], told["artist"], told["duration_ms"]),
                             ("track-start", first["id"], first["title"], first["artist"],
                              first["duration_ms"]))
            self.assertGreater(told["started_at"], 1600000000)
            told = played()
            self.assertEqual((told["event"], told["track"]), ("play", first["id"]))
            self.assertGreater(told["played_ms"], 1000)
            self.assertLess(told["played_ms"], 5000)
            self.assertEqual(start()["track"], second["id"])
            for _ in range(200):  # one that has just ended is taken away in the loop's next rounds
                control.do("status")
                if "Z" not in self.child_states(daemon.pid):
                    break
            self.assertNotIn("Z", self.child_states(daemon.pid))
            daemon.send_signal(15)
            self.assertEqual(daemon.finish(), 0)

    def test_hooks_that_hang_or_fail(self):
        """The music does not wait for them; what fails is said."""
        player = self.player()
        fifo = player.sandbox.path / "fifo"
        os.mkfifo(fifo)
        self.hook(player, "on-track-start", f'exec 3< "{fifo}"; read line <&3')
        self.hook(player, "on-play", "exit 3")
        with player.daemon("--no-peers") as daemon, player.control() as control:
            control.do("subscribe", events=["position", "message"])
            control.write(json.dumps({"do": "play", "targets": [t["id"] for t in self.tracks[:3]]}).encode()
                          + b"\n")
            while True:
                line = control.read()
                if line.get("event") == "position" and line["position_ms"] >= 1000:
                    break
            control.write(b'{"do":"next"}\n')
            while True:
                line = control.read()
                if line.get("event") == "message":
                    self.assertIn("hook on-play: it failed (code 3)", line["text"])
                    break
            self.assertEqual([daemon.wait_event("started")["track"] for _ in range(2)],
                             [track["id"] for track in self.tracks[:2]])
            self.assertEqual(daemon.stop(), 0)


class Packaging(unittest.TestCase):
    """What is made of the programs' own help, and what an installation has."""

    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.base = pathlib.Path(PROGRAM).parent.parent
        cls.texts = [sys.executable, "-B", str(refrain.ROOT / "packaging" / "texts.py"), str(cls.base)]

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.remove()

    def run_tool(self, *command, **options):
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                                stdin=subprocess.DEVNULL, env=self.sandbox.environment(), **options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def verbs(self):
        return re.findall(r"^refrain-([a-z]+)\.1$", "\n".join(
            path.name for path in (self.sandbox.path / "man" / "man1").iterdir()), re.M)

    def test_manual(self):
        """A page for each verb of the program, each clean."""
        need("mandoc")
        out = self.sandbox.path / "man"
        self.run_tool(*self.texts, "man", out)
        pages = sorted((out / "man1").iterdir())
        self.run_tool("mandoc", "-T", "lint", "-W", "warning", *pages)
        # Each verb that the program knows has help of its own, so each has a page.
        source = (refrain.ROOT / "player" / "args.c").read_text(encoding="utf-8")
        table = re.search(r"verb_names\[ARGS_VERBS\] = \{(.*?)\};", source, re.S)
        known = set(re.findall(r'"([a-z]+)"', table.group(1))) if table else set(self.verbs())
        self.assertEqual(known - {"complete"} - set(self.verbs()), set())
        text = self.run_tool("mandoc", "-T", "utf8", out / "man1" / "refrain-play.1")
        plain = re.sub(r".\x08", "", text)
        for part in ("--origin URL", "SYNOPSIS", "refrain play TARGET...", "EXIT STATUS"):
            self.assertIn(part, plain)

    def completion(self, shell):
        path = self.sandbox.path / f"completion.{shell}"
        path.write_text(self.run_tool(*self.texts, shell), encoding="utf-8")
        return path

    def test_bash(self):
        need("bash")
        path = self.completion("bash")

        def complete(*words):
            script = (f'source "{path}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _refrain; '
                      'printf "%s\\n" "${COMPREPLY[@]}"')
            # As the program: what it says that there is.
            tool = self.sandbox.path / "refrain"
            tool.write_text('#!/bin/sh\n[ "$1 $2" = "complete targets" ] || exit 1\n'
                            'printf "Gymnop\\303\\251die No. 1\\ttrack\\nGreensleeves\\ttrack\\n"\n')
            tool.chmod(0o755)
            return self.run_tool("bash", "-c", script, "bash", tool, *words).split("\n")[:-1]

        self.assertIn("play", complete("pl"))
        self.assertIn("--output", complete("play", "--ou"))
        self.assertEqual(complete("play", "--output", "nu"), ["null"])
        self.assertEqual(complete("cache", "ver"), ["verify"])
        self.assertEqual(len(complete("play", "G")), 2)
        self.assertIn("Gymnop\u00e9die\\ No.\\ 1", complete("play", "Gym"))
        self.assertEqual(complete("status", "G"), [""])

    def test_zsh_and_fish(self):
        for shell, check in (("zsh", "-n"), ("fish", "--no-execute")):
            path = self.completion(shell)
            if shutil.which(shell):
                self.run_tool(shell, check, path)
            self.assertIn("gateway", path.read_text(encoding="utf-8"))
        if shutil.which("fish"):
            told = self.run_tool("fish", "--no-config", "-c",
                                 f"source {path}; complete -C 'refrain play --outp'")
            self.assertIn("--output", told)
            told = self.run_tool("fish", "--no-config", "-c", f"source {path}; complete -C 'refrain gat'")
            self.assertIn("gateway", told)

    def test_tree_and_package(self):
        """An installed tree has all of it; the package of it names what it needs."""
        need("meson", "dpkg-deb", "dpkg-shlibdeps", "desktop-file-validate")
        if refrain.build_kind() in ("asan", "tsan"):
            self.skipTest("nobody installs a build with sanitizers")
        tree = self.sandbox.path / "tree"
        self.run_tool("meson", "install", "--no-rebuild", "--quiet", "-C", self.base, "--destdir", tree)
        prefix = tree / "usr" / "local"
        if prefix.exists():  # a package has everything under /usr
            for path in list(prefix.iterdir()):
                path.rename(tree / "usr" / path.name)
            prefix.rmdir()
        found = {str(path.relative_to(tree / "usr")) for path in tree.rglob("*") if path.is_file()}
        for name in ("bin/refrain", "bin/refrain-origin", "bin/refrain-measure",
                     "share/applications/refrain.desktop", "lib/systemd/user/refrain.service",
                     "lib/systemd/user/refrain.socket", "share/man/man1/refrain-play.1",
                     "share/bash-completion/completions/refrain", "share/zsh/site-functions/_refrain",
                     "share/fish/vendor_completions.d/refrain.fish"):
            self.assertIn(name, found)
        self.assertTrue(any(name.endswith("/gstreamer-1.0/libgstrefrain.so") for name in found))
        self.run_tool("desktop-file-validate", tree / "usr/share/applications/refrain.desktop")
        unit = (tree / "usr/lib/systemd/user/refrain.service").read_text(encoding="utf-8")
        self.assertRegex(unit, r"(?m)^ExecStart=/\S+/bin/refrain daemon$")
        package = self.run_tool(sys.executable, "-B", refrain.ROOT / "packaging" / "deb.py", refrain.ROOT, tree,
                                "0.1.0", self.sandbox.path / "out").strip()
        depends = self.run_tool("dpkg-deb", "-f", package, "Depends")
        for library in ("libc6", "libuv1", "liblmdb0", "libssl3", "libjansson4", "libgstreamer1.0-0",
                        "gstreamer1.0-plugins-good"):
            self.assertIn(library, depends)
        contents = self.run_tool("dpkg-deb", "-c", package)
        self.assertIn("root/root", contents)
        self.assertIn("./usr/share/man/man1/refrain-play.1.gz", contents)


if __name__ == "__main__":
    unittest.main()

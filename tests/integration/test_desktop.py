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
            command = ["gst-launch-1.0", "-q", "uridecodebin", f"uri={self.uri(self.tracks[0])}", "!",
                       "filesink", f"location={path}"]
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


if __name__ == "__main__":
    unittest.main()

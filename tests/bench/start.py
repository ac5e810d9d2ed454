"""start.py: from exec of the player to the first sample at its sink, against gst-play-1.0.

Three cases, the first one also without an origin; each 20 alternating pairs, medians and ratios:
  cached   refrain play from its cache            gst-play-1.0 of the file  (offline: the same, --offline)
  plain    refrain play from refrain-origin       gst-play-1.0 of the URL on nginx, without TLS
  tls      the same over TLS, both
Both write PCM into a FIFO (gst-play-1.0 through filesink; refrain with --output wav:, its header of
44 bytes not counted). The clock starts in the child right before execve and ends when the first PCM
byte can be read. "From the origin": the cache is empty before every run; the origin is known (its
identity stands in known_origins). nginx's certificate is in the list that GStreamer's TLS trusts, by
a bind mount in the child's own mount namespace, made before the clock starts.

Goals: cached <= 0.8, from the origin <= 0.6 of gst-play-1.0's time. REFRAIN_BENCH_PAIRS=N: other
than 20 pairs.
"""

import ctypes
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import refrain

PAIRS = int(os.environ.get("REFRAIN_BENCH_PAIRS", "20"))
WAV_HEADER_BYTES = 44
LIMIT_S = 10
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """nginx with one worker, plain and TLS, over one folder."""

    def __init__(self, folder, music):
        self.folder = folder
        self.plain, self.tls = free_port(), free_port()
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
                        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.certificates = folder / "trusted.pem"
        self.certificates.write_bytes(certificate.read_bytes())
        configuration = folder / "nginx.conf"
        configuration.write_text(f"""
            user root; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
            events {{ worker_connections 64; }}
            http {{
                access_log off; sendfile on; tcp_nopush on;
                client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
                fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
                server {{
                    listen 127.0.0.1:{self.plain};
                    listen 127.0.0.1:{self.tls} ssl;
                    ssl_protocols TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key};
                    root {music};
                }}
            }}""")
        self.process = subprocess.Popen(["nginx", "-c", configuration, "-p", folder],
                                        stderr=subprocess.DEVNULL)
        for port in (self.plain, self.tls):
            self.wait_port(port)

    def wait_port(self, port):
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                select.select([], [], [], 0.05)
        raise SystemExit("start: nginx does not come up")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def trust(certificates):
    """In the child: a mount namespace in which GStreamer's TLS trusts these certificates."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0
            or libc.mount(str(certificates).encode(), CERTIFICATES.encode(), None, MS_BIND, None) != 0):
        os._exit(99)


def first_sample_ms(*run):
    """As one_run; a run without a sample (gst-play-1.0 hangs now and then) is told and repeated."""
    for _ in range(3):
        ms = one_run(*run)
        if ms is not None:
            return ms
        print(f"start: no sample within {LIMIT_S} s, repeated: {' '.join(map(str, run[0]))}")
    raise SystemExit("start: no sample in three runs")


def one_run(command, environment, fifo, skip, prepare=None):
    """Runs a command that writes into the FIFO; milliseconds from exec to the byte behind `skip`;
    None: it never came."""
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    told, tell = os.pipe()
    arguments = [str(word) for word in command]
    executable = shutil.which(arguments[0])
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            quiet = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(quiet, descriptor)
            if prepare:
                prepare()
            os.write(tell, time.monotonic_ns().to_bytes(8, "big"))
            os.execve(executable, arguments, environment)
        finally:
            os._exit(98)
    began = int.from_bytes(os.read(told, 8), "big")
    seen, ended = 0, None
    deadline = time.monotonic() + LIMIT_S
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    while ended is None and time.monotonic() < deadline:
        if poll.poll(100):
            data = os.read(reader, 65536)
            now = time.monotonic_ns()
            seen += len(data)
            if seen > skip:
                ended = now
            elif not data and os.waitpid(pid, os.WNOHANG)[0]:
                raise SystemExit(f"start: it ended without a sample: {' '.join(arguments)}")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for descriptor in (reader, told, tell):
        os.close(descriptor)
    return None if ended is None else (ended - began) / 1e6


def compare(name, goal, ours, theirs):
    ours(), theirs()  # both warm
    pairs = []
    for i in range(PAIRS):
        pairs.append((ours(), theirs()) if i % 2 == 0 else tuple(reversed((theirs(), ours()))))
    mine = statistics.median(pair[0] for pair in pairs)
    other = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    good = "reached" if ratio <= goal else "NOT reached"
    print(f"{name:7} refrain {mine:6.1f} ms   gst-play-1.0 {other:6.1f} ms   ratio {ratio:.2f}   "
          f"goal {goal}: {good}", flush=True)
    return ratio <= goal


def main():
    for tool in ("gst-play-1.0", "nginx", "openssl"):
        if shutil.which(tool) is None:
            print(f"start: skipped, {tool} is not installed")
            return 0
    # Neither the longest nor the shortest of the real tracks.
    tracks = sorted(refrain.wesnoth(), key=lambda path: path.stat().st_size)
    music = tracks[len(tracks) // 2]
    results = []
    with refrain.Sandbox() as sandbox:
        work = sandbox.path / "work"
        (work / "music").mkdir(parents=True)
        shutil.copy(music, work / "music" / "track.ogg")
        fifo = work / "fifo"
        os.mkfifo(fifo)
        environment = sandbox.environment()
        # Both programs as a user starts them: GStreamer's own registry, made beforehand.
        environment.pop("GST_REGISTRY", None)
        subprocess.run(["gst-inspect-1.0", "vorbisdec"], env=environment, check=True, stdout=subprocess.DEVNULL)
        nginx = Nginx(work, work / "music")
        origins = []
        try:
            for http in (True, False):
                origin = refrain.Origin(refrain.Sandbox())
                origin.init()
                origin.add(work / "music")
                origin.serve(http=http)
                origins.append(origin)
            track = origins[0].tracks()[0]["id"]

            def ours(*arguments, cold=False):
                def run():
                    if cold:
                        shutil.rmtree(sandbox.cache / "refrain", ignore_errors=True)
                    return first_sample_ms([refrain.program("refrain"), "play", track, "--output",
                                            f"wav:{fifo}", *arguments], environment, fifo, WAV_HEADER_BYTES)
                return run

            def theirs(what, prepare=None):
                return lambda: first_sample_ms(["gst-play-1.0", "--no-interactive", "-q", "--audiosink",
                                                f"filesink location={fifo}", what], environment, fifo, 0,
                                               prepare)

            fetched = subprocess.run([refrain.program("refrain"), "fetch", track, "-o", work / "fetched",
                                      "--origin", origins[0].url], env=environment, check=False,
                                     stdout=subprocess.DEVNULL)
            if fetched.returncode != 0:
                raise SystemExit("start: the track could not be fetched")
            results.append(compare("cached", 0.8, ours("--origin", origins[0].url),
                                   theirs(work / "music" / "track.ogg")))
            results.append(compare("offline", 0.8, ours("--offline"), theirs(work / "music" / "track.ogg")))
            results.append(compare("plain", 0.6, ours("--origin", origins[0].url, cold=True),
                                   theirs(f"http://127.0.0.1:{nginx.plain}/track.ogg")))
            results.append(compare("tls", 0.6, ours("--origin", origins[1].url, cold=True),
                                   theirs(f"https://127.0.0.1:{nginx.tls}/track.ogg",
                                          lambda: trust(nginx.certificates))))
        finally:
            nginx.stop()
            for origin in origins:
                origin.stop()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

"""playing.py: memory and processor time while playing a file from the cache, against mpv and MPD.

All play the same Ogg Vorbis file at the same time into a null output: refrain from its cache, offline; mpv
and MPD from the file. After WARM_S each has read ahead what it wants; then, over SPAN_S:
  RSS   VmRSS at the end; PSS divides shared pages among those who share them
  CPU   user and system time, of all threads
Goals: RSS <= 0.7x mpv's, CPU <= 1.0x mpv's. REFRAIN_BENCH_SECONDS=N: another span than 20 s.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import threading

import refrain

WARM_S = 5
SPAN_S = int(os.environ.get("REFRAIN_BENCH_SECONDS", "20"))
TICKS = os.sysconf("SC_CLK_TCK")


def memory(pid):
    """(RSS, PSS) in KiB."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    fields = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return fields["Rss"], fields["Pss"]


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start(command, environment):
    return subprocess.Popen([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_mpd(folder, music, environment):
    place = folder / "mpd.socket"
    configuration = folder / "mpd.conf"
    configuration.write_text(f"""
        music_directory "{music.parent}"
        db_file "{folder}/mpd.db"
        log_file "/dev/null"
        bind_to_address "{place}"
        audio_output {{
            type "null"
            name "null"
        }}
    """, encoding="utf-8")
    process = start(["mpd", "--no-daemon", "--stderr", configuration], environment)
    wait = threading.Event()
    client = socket.socket(socket.AF_UNIX)
    for _ in range(100):
        try:
            client.connect(str(place))
            break
        except OSError:
            wait.wait(0.1)
    answers = client.makefile("rb")
    answers.readline()

    def ask(command):
        client.sendall(command.encode() + b"\n")
        return answers.readline()

    for _ in range(100):  # it is still looking through its folder
        line = ask(f'add "{music.name}"')
        if line.startswith(b"OK"):
            break
        wait.wait(0.1)
    line = ask("play")
    if not line.startswith(b"OK"):
        raise SystemExit(f"playing: mpd says {line!r}")
    return process, client


def main():
    for tool in ("mpv", "mpd"):
        if shutil.which(tool) is None:
            print(f"playing: skipped, {tool} is not installed")
            return 0
    tracks = sorted(refrain.wesnoth(), key=lambda path: path.stat().st_size)
    with refrain.Sandbox() as sandbox, refrain.Origin(refrain.Sandbox()) as origin:
        work = sandbox.path / "work"
        work.mkdir()
        music = work / "track.ogg"
        shutil.copy(tracks[len(tracks) // 2], music)
        origin.init()
        origin.add(music)
        origin.serve(http=True)
        track = origin.tracks()[0]["id"]
        player = refrain.Player(origin, sandbox=sandbox)
        if player.fetch(track, work / "fetched").code != 0:
            raise SystemExit("playing: the track could not be fetched")
        environment = sandbox.environment()
        environment.pop("GST_REGISTRY", None)
        environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
        mpd, client = start_mpd(work, music, environment)
        programs = {
            "refrain": start([refrain.program("refrain"), "play", track, "--offline", "--output", "null"],
                             environment),
            "mpv": start(["mpv", "--no-config", "--no-video", "--really-quiet", "--ao=null", music],
                         environment),
            "mpd": mpd,
        }
        clock = threading.Event()
        clock.wait(WARM_S)
        before = {name: cpu_s(process.pid) for name, process in programs.items()}
        clock.wait(SPAN_S)
        found = {}
        for name, process in programs.items():
            if process.poll() is not None:
                raise SystemExit(f"playing: {name} has ended with {process.returncode}")
            found[name] = (*memory(process.pid), cpu_s(process.pid) - before[name])
        for process in programs.values():
            process.kill()
            process.wait()
        client.close()
        origin.stop()
        origin.sandbox.remove()
    for name, (rss, pss, cpu) in found.items():
        print(f"{name:8} RSS {rss / 1024:6.1f} MiB   PSS {pss / 1024:6.1f} MiB   CPU {1000 * cpu / SPAN_S:6.1f} ms/s")
    good = True
    for other in ("mpv", "mpd"):
        rss, pss, cpu = (found["refrain"][i] / max(found[other][i], 1e-9) for i in range(3))
        line = f"against {other}: RSS {rss:.2f}x   PSS {pss:.2f}x   CPU {cpu:.2f}x"
        if other == "mpv":
            reached = rss <= 0.7 and cpu <= 1.0
            good = good and reached
            line += f"   goals 0.7x, 1.0x: {'reached' if reached else 'NOT reached'}"
        print(line)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

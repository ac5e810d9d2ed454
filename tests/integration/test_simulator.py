"""The simulator: the same seed gives the same decisions everywhere, and the real programs agree."""

import json
import pathlib
import subprocess
import unittest

import refrain

WORKLOADS = refrain.ROOT / "tests" / "sim" / "workloads"
TIMEOUT_S = 600


def simulate(workload, *arguments, binary="refrain-measure"):
    """The result of one simulation."""
    path = pathlib.Path(refrain.program("refrain-measure")).with_name(binary)
    command = [path, "sim", "--workload", workload, "--json", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    if result.returncode != 0:
        raise AssertionError(f"{command}: {result.returncode}\n{result.stderr[-3000:]}")
    return json.loads(result.stdout)


class Determinism(unittest.TestCase):
    def check_workload(self, name, *arguments):
        workload = WORKLOADS / name
        first = simulate(workload, "--seed", 7, *arguments)
        print(f"{name} {' '.join(arguments)}: trace hash {first['trace_hash']}, "
              f"{first['events']} events, {first['events_per_s']} events/s")
        same = {"again": simulate(workload, "--seed", 7, *arguments),
                "with the codec": simulate(workload, "--seed", 7, "--wire", *arguments),
                "at another optimisation level": simulate(workload, "--seed", 7, *arguments,
                                                          binary="refrain-measure-other")}
        for how, result in same.items():
            self.assertEqual(first["trace_hash"], result["trace_hash"], how)
            self.assertEqual(first["events"], result["events"], how)
        other = simulate(workload, "--seed", 8, *arguments)
        self.assertNotEqual(first["trace_hash"], other["trace_hash"])

    def test_evening(self):
        self.check_workload("evening.txt")

    def test_trouble(self):
        self.check_workload("trouble.txt")

    def test_club(self):
        self.check_workload("club.txt")

    def test_the_published_design(self):
        self.check_workload("evening.txt", "--policy", "spotify2010")
        self.check_workload("club.txt", "--policy", "spotify2010")


class Stories(unittest.TestCase):
    def test_an_evening_fetches_nothing_twice(self):
        result = simulate(WORKLOADS / "evening.txt", "--check", "--no-peers")
        self.assertEqual(result["failed_entries"], 0)
        self.assertEqual(result["bad_chunks"], 0)
        self.assertEqual(result["stutters"], 0)
        self.assertEqual(result["bytes"]["peers"], 0)
        self.assertEqual(result["duplicate_bytes"], 0)
        self.assertGreater(result["bytes"]["origin"], 0)
        self.assertLess(result["wait_ms"]["p90"], 500)

    def test_trouble_is_survived(self):
        for seed in range(1, 6):
            with self.subTest(seed=seed):
                result = simulate(WORKLOADS / "trouble.txt", "--check", "--wire", "--seed", seed)
                self.assertEqual(result["failed_entries"], 0)
                self.assertEqual(result["bad_chunks"], 0)
                self.assertGreater(result["plays"], 40)

    def test_thirty_seconds_without_an_origin_are_not_heard(self):
        with refrain.Sandbox() as sandbox:
            workload = sandbox.path / "outage.txt"
            workload.write_text("tracks 1 bytes=6000000\nlisteners 1 down=20M up=2M delay=20ms\n"
                                "at 0s 0 play 0\nat 60s origin stop\nat 90s origin start\n")
            result = simulate(workload, "--check")
        self.assertEqual(result["stutters"], 0)
        self.assertEqual(result["bytes"], {"cache": 0, "peers": 0, "origin": 6000000})


class AgainstThePrograms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.origin = refrain.Origin(cls.sandbox)
        cls.origin.init()
        cls.origin.add(refrain.SAMPLE)
        cls.origin.serve()

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.sandbox.remove()

    def workload(self, played):
        """The same tracks, played by a listener of the simulator."""
        lines = ["listeners 1 up=1G down=1G delay=1ms"]
        for track in played:
            file = track["files"][0]
            lines.append(f"tracks 1 bytes={file['bytes']} duration={track['duration_ms']}ms")
        lines.append(f"at 0s 0 play {' '.join(map(str, range(len(played))))}")
        path = self.sandbox.path / "workload.txt"
        path.write_text("\n".join(lines) + "\n")
        return path

    def test_bytes_by_source_are_equal(self):
        tracks = self.origin.tracks()
        for played in (tracks, tracks[1:3] + tracks[:1]):
            with self.subTest(tracks=len(played)):
                real = refrain.Player(self.origin).play(*[track["id"] for track in played])
                self.assertEqual(real.code, 0, real.describe())
                simulated = simulate(self.workload(played))
                self.assertEqual(simulated["bytes"], real.summary["bytes"])
                self.assertEqual(simulated["duplicate_bytes"], real.summary["duplicate_bytes"])

    def test_a_recording_replays_to_the_same_updates(self):
        recording = self.sandbox.path / "recording"
        player = refrain.Player(self.origin)
        ids = [track["id"] for track in self.origin.tracks()]
        for targets in ([ids[0]], ids):  # from the origin; half from the cache
            with self.subTest(tracks=len(targets)):
                play = player.play(*targets, "--record", recording)
                self.assertEqual(play.code, 0, play.describe())
                replay = subprocess.run([refrain.program("refrain-measure"), "replay", recording],
                                        capture_output=True, text=True, check=False,
                                        timeout=TIMEOUT_S)
                self.assertEqual(replay.returncode, 0, replay.stdout + replay.stderr)
                self.assertIn("every update the same", replay.stdout)


if __name__ == "__main__":
    unittest.main()

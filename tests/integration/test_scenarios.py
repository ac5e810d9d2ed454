"""What must not be heard: each scenario of tests/sim/scenarios, for a hundred seeds."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import unittest

import refrain

SCENARIOS = refrain.ROOT / "tests" / "sim" / "scenarios"
# A build with sanitizers is some thirty times slower: it looks for another kind of mistakes.
SEEDS = 6 if "ASAN_OPTIONS" in os.environ else 100
PARALLEL = 2
TIMEOUT_S = 600
# Of a new track that twenty start at once; all without peers would be 20.
FLASH_COPIES_MAX = 2.0


def measure():
    """The optimised one of the two simulators of a build."""
    plain = pathlib.Path(refrain.program("refrain-measure"))
    return plain.with_name("refrain-measure-other") if "debug" in plain.parts else plain


def run(path, *arguments):
    """The results of a workload, one a seed."""
    command = [measure(), "sim", "--workload", path, "--json", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    if result.returncode != 0:
        raise AssertionError(f"{command}: {result.returncode}\n{result.stderr[-3000:]}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def simulate(name, *arguments):
    return run(SCENARIOS / f"{name}.txt", *arguments)


def simulate_seeds(name, *arguments):
    """All seeds, in several processes."""
    share = SEEDS // PARALLEL
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        runs = [pool.submit(simulate, name, "--seed", 1 + i * share, "--seeds", share, *arguments)
                for i in range(PARALLEL)]
        return [result for run in runs for result in run.result()]


def share_of_peers(result):
    return result["bytes"]["peers"] / (sum(result["bytes"].values()) or 1)


def copies(result, track_bytes):
    return result["origin_sent_bytes"] / track_bytes


def summary(name, results):
    """One line for people."""
    number = len(results)
    waits = sorted(result["wait_ms"]["most"] for result in results)
    duplicates = sum(r["duplicate_bytes"] for r in results) / sum(r["received_bytes"] or 1 for r in results)
    overhead = sum(r["overhead_bytes"] for r in results) / sum(r["received_bytes"] or 1 for r in results)
    attempts = sum(r["links"]["attempts"] for r in results)
    connected = sum(r["links"]["connected"] for r in results)
    return (f"{name}: {number} seeds, peers {100 * sum(map(share_of_peers, results)) / number:.1f} %, "
            f"longest wait {waits[number // 2]:.0f} ms (median), {waits[-1]:.0f} ms (most), "
            f"duplicates {100 * duplicates:.2f} %, overhead {100 * overhead:.2f} %, "
            f"links {connected} of {attempts}")


class Hearing(unittest.TestCase):
    """Every entry is played to its last sample, and the play head never stands still."""

    def hear(self, name, plays, *arguments, **expected):
        results = simulate_seeds(name, *arguments)
        print(summary(" ".join((name,) + arguments), results))
        for result in results:
            what = f"{name}, seed {result['seed']}"
            self.assertEqual(result["plays"], plays, what)
            self.assertEqual(result["ended_entries"], plays, what)
            self.assertEqual(result["failed_entries"], 0, what)
            self.assertEqual(result["stutters"], 0, what)
            self.check(result, what, **expected)
        return results

    def check(self, result, what, peers_at_least=0.0, bad_chunks=False):
        self.assertGreaterEqual(share_of_peers(result), peers_at_least, what)
        self.assertEqual(result["bad_chunks"] > 0, bad_chunks, what)


class Unheard(Hearing):
    """What goes wrong around a listener."""

    def test_the_origin_is_gone(self):
        self.hear("origin-gone", 4, peers_at_least=0.5)

    def test_the_origin_is_killed(self):
        self.hear("origin-killed", 4, peers_at_least=0.5)

    def test_all_peers_of_a_file_are_gone_at_once(self):
        self.hear("peers-gone", 3)

    def test_peers_come_and_go(self):
        self.hear("peers-leave", 3)

    def test_peers_that_never_answer(self):
        self.hear("silent", 3, peers_at_least=0.2)

    def test_peers_that_say_nothing(self):
        self.hear("mute", 2)

    def test_peers_that_trickle(self):
        self.hear("trickle", 3, peers_at_least=0.2)

    def test_peers_that_lie_about_what_they_have(self):
        self.hear("lies", 3, peers_at_least=0.2)

    def test_peers_that_send_rubbish(self):
        self.hear("rubbish", 3, peers_at_least=0.2, bad_chunks=True)

    def test_peers_that_reset_links(self):
        self.hear("resets", 3, peers_at_least=0.2)

    def test_an_hour_of_sleep(self):
        self.hear("sleep", 3)

    def test_other_addresses(self):
        self.hear("move", 3)

    def test_a_tracker_that_talks_nonsense(self):
        self.hear("nonsense", 2)

    def test_a_tracker_with_a_million_dead_peers(self):
        self.hear("dead", 3)


class Shares(Hearing):
    """Where the bytes come from."""

    def test_three_hold_a_third_of_the_album_each(self):
        self.hear("thirds", 9, peers_at_least=0.8)

    def test_three_hold_a_third_of_every_track_each(self):
        self.hear("partial", 4, peers_at_least=0.8)

    def test_a_lan_feeds_itself(self):
        self.hear("lan", 9, peers_at_least=0.8)

    def test_who_only_takes_is_served_too(self):
        self.hear("takers", 12, peers_at_least=0.2)

    def test_a_flash_crowd(self):
        for result in self.hear("flash", 20):
            self.assertLessEqual(copies(result, 3200000), FLASH_COPIES_MAX, f"seed {result['seed']}")

    def test_nats(self):
        for result in self.hear("nats", 14, peers_at_least=0.5):
            self.assertGreater(result["links"]["connected"], 0)


class Nats(unittest.TestCase):
    """The table of docs/OVERLAY.md: a listener of each kind, and a holder of each."""

    KINDS = {"open": "open", "full cone": "cone", "address-restricted": "address",
             "port-restricted": "port", "symmetric": "symmetric", "mapped": "mapped"}
    WORKLOAD = ("tracks 1 bytes=1500000\n"
                "listeners 1 up=2M down=20M delay=20ms nat={dials}\n"
                "listeners 1 up=2M down=20M delay=20ms nat={dialled}\n"
                "hold 1 0\nat 4s 0 play 0\nend 5m\n")

    def table(self):
        """{(who dials, who is dialled): d, a or -}"""
        lines = (refrain.ROOT / "docs" / "OVERLAY.md").read_text().splitlines()
        rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
        head = next(i for i, row in enumerate(rows) if row[-len(self.KINDS):] == list(self.KINDS))
        kinds = rows[head][-len(self.KINDS):]
        return {(row[0], kind): cell for row in rows[head + 2:head + 2 + len(kinds)]
                for kind, cell in zip(kinds, row[1:])}

    def test_who_can_reach_whom(self):
        table = self.table()
        self.assertEqual(len(table), len(self.KINDS) ** 2)
        with refrain.Sandbox() as sandbox:
            path = sandbox.path / "pair.txt"
            for (dials, dialled), way in table.items():
                with self.subTest(dials=dials, dialled=dialled):
                    path.write_text(self.WORKLOAD.format(dials=self.KINDS[dials],
                                                         dialled=self.KINDS[dialled]))
                    result, = run(path, "--seed", 1)
                    self.assertEqual(result["stutters"], 0)
                    self.assertEqual(result["ended_entries"], 1)
                    # Who is dialled may dial back, so a way in either direction is a way.
                    if way == "-" and table[dialled, dials] == "-":
                        self.assertEqual(result["bytes"]["peers"], 0)
                    else:
                        self.assertGreater(share_of_peers(result), 0.5)


class Determinism(unittest.TestCase):
    def test_the_same_seed_gives_the_same_decisions(self):
        for path in sorted(SCENARIOS.glob("*.txt")):
            with self.subTest(scenario=path.stem):
                first, = simulate(path.stem, "--seed", 3)
                for arguments in (("--wire",), ("--check",)):
                    same, = simulate(path.stem, "--seed", 3, *arguments)
                    self.assertEqual(first["trace_hash"], same["trace_hash"], arguments)
                    self.assertEqual(first["events"], same["events"], arguments)


if __name__ == "__main__":
    unittest.main()

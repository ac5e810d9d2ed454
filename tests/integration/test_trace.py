"""test_trace.py: refrain-measure trace: formats in and out, policies against their papers.

tests/lib/evict_reference.py has the policies in plain Python, as their papers have them; unit tests
(test_evict_*.c) have small traces worked out by hand.
"""

import json
import pathlib
import random
import struct
import subprocess
import unittest

import evict_reference
import refrain

REQUESTS, OBJECTS = 6000, 400


def measure(*words, stdin=None):
    return subprocess.run([refrain.program("refrain-measure"), "trace", *map(str, words)],
                          capture_output=True, input=stdin, timeout=120 * refrain.patience(),
                          check=False)


def runs(*words, stdin=None):
    """{(policy, limit): run}, of the exact runs."""
    result = measure(*words, "--json", stdin=stdin)
    if result.returncode != 0:
        raise AssertionError(result.stderr.decode())
    summary = json.loads(result.stdout)
    summary["by"] = {(run["policy"], run["limit_bytes"]): run for run in summary["runs"]
                     if run["sample_ppm"] == 1000000}
    return summary


def random_requests(seed):
    """Some popular objects, loops and scans: what tells policies apart."""
    chance = random.Random(seed)
    requests = []
    while len(requests) < REQUESTS:
        kind = chance.random()
        if kind < 0.6:
            requests.append(int(OBJECTS * chance.random() ** 3))
        elif kind < 0.97:
            requests.append(chance.choice(requests[-60:] or [0]))
        else:
            first = chance.randrange(OBJECTS)
            requests += [(first + i) % OBJECTS for i in range(chance.randrange(40))]
    return requests[:REQUESTS]


def csv_of(requests, size=1):
    return "time,id,size\n" + "".join(f"{i},{item},{size}\n" for i, item in enumerate(requests))


class Policies(unittest.TestCase):
    def test_as_their_papers_say(self):
        for seed in range(3):
            requests = random_requests(seed)
            found = runs("-", "--format", "csv", "--size", "10,57,200",
                         stdin=csv_of(requests).encode())
            self.assertTrue(found["belady_is_exact"])
            for name, policy in evict_reference.POLICIES.items():
                for limit in (10, 57, 200):
                    with self.subTest(seed=seed, policy=name, limit=limit):
                        ratio = found["by"][name, limit]["cold_hit_ppm"]["request"]
                        self.assertEqual(round(ratio * REQUESTS / 1e6), policy(requests, limit))

    def test_nobody_beats_the_bound(self):
        found = runs("-", "--format", "csv", "--size", "20,100",
                     stdin=csv_of(random_requests(9)).encode())
        for limit in (20, 100):
            bound = found["by"]["belady", limit]["cold_hit_ppm"]["request"]
            others = [run["cold_hit_ppm"]["request"] for (name, size), run in found["by"].items()
                      if size == limit and name != "belady"]
            self.assertEqual(len(others), 11)
            self.assertLessEqual(max(others), bound)
            infinite = [run for (name, _), run in found["by"].items() if name == "infinite"]
            self.assertLessEqual(bound, infinite[0]["cold_hit_ppm"]["request"])

    def test_compulsory_misses_and_warm_up(self):
        requests = list(range(50)) + list(range(50))
        found = runs("-", "--format", "csv", "--size", "50", "--warm-up", "50%",
                     stdin=csv_of(requests).encode())
        for (name, _), run in found["by"].items():
            if name in ("infinite", "lru", "belady"):
                self.assertEqual(run["cold_hit_ppm"]["request"], 500000, name)
                self.assertEqual(run["warm_hit_ppm"]["request"], 1000000, name)

    def test_sample_is_near(self):
        result = measure("--listener", "household", "--plays", 60000, "--size", "20%", "--sample",
                         "20%", "--policy", "lru,s3-fifo", "--json")
        listed = json.loads(result.stdout)["runs"]
        pairs = [(listed[i], listed[i + 1]) for i in range(1, len(listed), 2)]
        self.assertEqual(len(pairs), 4)
        for exact, sampled in pairs:
            self.assertEqual((exact["sample_ppm"], sampled["sample_ppm"]), (1000000, 200000))
            self.assertAlmostEqual(exact["cold_hit_ppm"]["request"] / 1e6,
                                   sampled["cold_hit_ppm"]["request"] / 1e6, delta=0.05)
            self.assertNotEqual(exact["cold_hit_ppm"], sampled["cold_hit_ppm"])

    def test_queue_is_protected(self):
        """What stands in the queue when others come is there when its turn comes."""
        lines = ["time,id,size,asked,queued", "0,1,10,10,0"]
        lines += [f"{i},{i + 1},10,10,{i}" for i in range(1, 9)]
        lines += ["20,1,10,10,2"]
        found = runs("-", "--format", "csv", "--size", "30", "--policy", "lru",
                     stdin="\n".join(lines).encode())
        self.assertEqual(found["by"]["lru", 30]["cold_hit_ppm"]["play"], 0)
        self.assertEqual(found["by"]["lru+queue", 30]["cold_hit_ppm"]["play"], 100000)

    def test_partial_plays(self):
        """Ten chunks of which four are asked for, then all: plays, chunks and first chunks differ."""
        chunk = 16384
        lines = ["time,id,size,asked", f"0,1,{10 * chunk},{4 * chunk}",
                 f"1,1,{10 * chunk},{10 * chunk}", f"2,1,{10 * chunk},{2 * chunk}"]
        found = runs("-", "--format", "csv", "--size", "1M", "--policy", "lru", "--warm-up", "0%",
                     stdin="\n".join(lines).encode())
        self.assertEqual(found["by"]["lru", 1 << 20]["cold_hit_ppm"],
                         {"request": 375000, "byte": 375000, "play": 333333, "first": 666667})


class Formats(unittest.TestCase):
    def test_all_give_the_same(self):
        with refrain.Sandbox() as sandbox:
            folder = pathlib.Path(sandbox.path)
            first = folder / "first.csv.zst"
            made = measure("--listener", "albums", "--plays", 3000, "--out", first)
            self.assertEqual(made.returncode, 0, made.stderr)
            wanted = None
            for name in ("a.oracleGeneral", "b.oracleGeneral.bin.zst", "c.tr", "d.tr.zst"):
                written = measure(first, "--out", folder / name)
                self.assertEqual(written.returncode, 0, written.stderr)
                found = runs(folder / name, "--size", "500M")
                hits = {key: run["cold_hit_ppm"] for key, run in found["by"].items()}
                wanted = wanted or hits
                self.assertEqual(hits, wanted, name)
                self.assertGreater(hits["lru", 500 << 20]["request"], 0)
            again = folder / "again.csv"
            measure(first, "--out", again)
            self.assertEqual(runs(first, "--size", "500M")["by"].keys(),
                             runs(again, "--size", "500M")["by"].keys())
            strip = [dict(run, requests_per_s=0) for run in runs(first, "--size", "1%")["runs"]]
            self.assertEqual(
                strip, [dict(run, requests_per_s=0) for run in runs(again, "--size", "1%")["runs"]])

    def test_oracle_by_its_definition(self):
        """libCacheSim's layout, written here with struct."""
        requests = random_requests(4)
        packed = b"".join(struct.pack("<IQIq", i, item, 1, -1) for i, item in enumerate(requests))
        found = runs("-", "--format", "oracle", "--size", "57", stdin=packed)
        self.assertEqual(round(found["by"]["lru", 57]["cold_hit_ppm"]["request"] * REQUESTS / 1e6),
                         evict_reference.lru(requests, 57))
        with refrain.Sandbox() as sandbox:
            path = pathlib.Path(sandbox.path) / "out.oracle"
            measure("-", "--format", "oracle", "--out", path, stdin=packed)
            rows = list(struct.iter_unpack("<IQIq", path.read_bytes()))
        self.assertEqual([row[1] for row in rows], requests)
        for place, row in enumerate(rows[:500]):
            later = requests[place + 1:]
            self.assertEqual(row[3], place + 1 + later.index(row[1]) if row[1] in later else -1)

    def test_columns_names_and_words(self):
        text = "obj_size;key;timestamp\n7;song one;1.5\n7;song two;2\n7;song one;3\n"
        found = runs("-", "--format", "csv", "--size", "100", stdin=text.encode())
        self.assertEqual((found["requests"], found["objects"], found["bytes"]), (3, 2, 21))
        text = "x,10,9\nx,10,9\n"
        found = runs("-", "--format", "csv", "--columns", "id=2,size=3", "--size", "100",
                     stdin=text.encode())
        self.assertEqual((found["requests"], found["objects"], found["bytes"]), (2, 1, 18))

    def test_what_is_wrong_is_named(self):
        cases = [
            (["-", "--format", "csv"], b"time,id,size\n1,2,3\n4,5,x\n", 8, b"line 3"),
            (["-", "--format", "csv"], b"1\n", 8, b"line 1"),
            (["-", "--format", "csv"], b"", 8, b"no request"),
            (["-", "--format", "oracle"], b"\0" * 30, 8, b"request 2"),
            (["-", "--format", "csv"], b"\x28\xb5\x2f\xfd" + b"\xff" * 40, 8, b"line 1"),
            (["-", "--format", "webcachesim"], b"1 2 3 4 5\n" + b"9" * 70000, 8, b"line 2"),
            (["-"], b"1 2 3\n", 2, b"--format"),
            (["nowhere.csv"], b"", 3, b"nowhere.csv"),
            (["-", "--policy", "lru,best"], b"", 2, b"best"),
            (["-", "--size", "0"], b"", 2, b"--size"),
            (["-", "--size", "101%"], b"", 2, b"--size"),
            (["-", "--listener", "albums"], b"", 2, b"one FILE"),
            (["--listener", "nobody"], b"", 2, b"nobody"),
            (["-", "--columns", "id"], b"", 2, b"--columns"),
        ]
        for words, stdin, code, text in cases:
            with self.subTest(words=words):
                result = measure(*words, stdin=stdin)
                self.assertEqual(result.returncode, code, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertEqual(result.stdout, b"")

    def test_cut_short(self):
        with refrain.Sandbox() as sandbox:
            path = pathlib.Path(sandbox.path) / "a.csv.zst"
            measure("--listener", "radio", "--plays", 2000, "--out", path)
            whole = path.read_bytes()
            path.write_bytes(whole[:len(whole) // 2])
            result = measure(path)
            self.assertEqual(result.returncode, 8)
            self.assertIn(b"a.csv.zst", result.stderr)
            path.write_bytes(whole)
            result = measure(path, "--out", pathlib.Path(sandbox.path) / "no" / "b.csv")
            self.assertEqual(result.returncode, 6)

    def test_zero_bytes_are_passed_over(self):
        found = runs("-", "--format", "webcachesim", "--size", "10",
                     stdin=b"1 2 0\n2 3 5\n3 3 5\n")
        self.assertEqual((found["requests"], found["passed_over"]), (2, 1))


class Table(unittest.TestCase):
    def test_for_people(self):
        result = measure("--listener", "shuffler", "--plays", 2000, "--size", "10%", "--policy",
                         "lru,belady")
        text = result.stdout.decode()
        self.assertEqual(result.returncode, 0)
        for word in ("infinite", "lru+queue", "belady", "cache of", "warm", "not exact"):
            self.assertIn(word, text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_csv(self):
        result = measure("--listener", "drifter", "--plays", 1000, "--size", "1%,2%", "--policy",
                         "lru", "--csv")
        lines = result.stdout.decode().splitlines()
        self.assertEqual(len(lines), 1 + 1 + 4)
        self.assertTrue(all(line.count(",") == lines[0].count(",") for line in lines))


if __name__ == "__main__":
    unittest.main()

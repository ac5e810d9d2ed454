"""library.py: search in a catalogue of 100,000 tracks, key press by key press.
Fails when one takes longer than 10 ms.

REFRAIN_LIBRARY_TRACKS=N: another size.
"""

import os
import pathlib
import subprocess
import sys

program = pathlib.Path(os.environ["REFRAIN_BIN_DIR"]) / "player" / "library_search_bench"
tracks = os.environ.get("REFRAIN_LIBRARY_TRACKS", "100000")
sys.exit(subprocess.run([program, tracks], check=False).returncode)

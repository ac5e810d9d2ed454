"""node.py: what a step of the node costs (tests/bench/node_step.c)."""

import os
import pathlib
import subprocess
import sys

program = pathlib.Path(os.environ["REFRAIN_BIN_DIR"]) / "player" / "core" / "node_step_bench"
sys.exit(subprocess.run([program], check=False).returncode)

"""cache.py: the chunk store against plain files, and its file against its payload.

REFRAIN_CACHE_MIB sets the limit that is filled twice over (64).
"""

import os
import pathlib
import subprocess
import sys
import tempfile

program = pathlib.Path(os.environ["REFRAIN_BIN_DIR"]) / "cache" / "lmdb" / "cache_store_bench"
with tempfile.TemporaryDirectory(prefix="refrain-bench-", dir=os.environ.get("TMPDIR")) as folder:
    limit = os.environ.get("REFRAIN_CACHE_MIB", "64")
    sys.exit(subprocess.run([program, folder, limit], check=False).returncode)

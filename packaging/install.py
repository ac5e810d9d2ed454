"""install.py: what meson installs besides programs: man pages, completions, units, the desktop's entry.

    install.py SOURCE BUILD MANDIR DATADIR BINDIR UNITDIR

Run by meson with MESON_INSTALL_DESTDIR_PREFIX and DESTDIR; the folders are relative to the prefix, or
absolute. Texts are made by texts.py from the programs just built.
"""

import os
import pathlib
import shutil
import subprocess
import sys


def main():
    source, build = pathlib.Path(sys.argv[1]), sys.argv[2]
    destination = pathlib.Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"])
    prefix = pathlib.Path(os.environ["MESON_INSTALL_PREFIX"])

    def place(folder):
        """Where it goes now: under DESTDIR."""
        if os.path.isabs(folder):
            root = os.environ.get("DESTDIR", "")
            return pathlib.Path(root + folder) if root else pathlib.Path(folder)
        return destination / folder

    def texts(*arguments):
        return subprocess.run([sys.executable, "-B", str(source / "packaging" / "texts.py"), build, *arguments],
                              check=True, stdout=subprocess.PIPE, text=True).stdout

    mandir, datadir, bindir, unitdir = sys.argv[3:7]
    texts("man", str(place(mandir)))
    for what, path in (("bash", "bash-completion/completions/refrain"),
                       ("zsh", "zsh/site-functions/_refrain"),
                       ("fish", "fish/vendor_completions.d/refrain.fish")):
        file = place(datadir) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(texts(what), encoding="utf-8")
    entry = place(datadir) / "applications" / "refrain.desktop"
    entry.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "packaging" / "refrain.desktop", entry)
    units = place(unitdir)
    units.mkdir(parents=True, exist_ok=True)
    unit = (source / "packaging" / "refrain.service.in").read_text(encoding="utf-8")
    (units / "refrain.service").write_text(unit.replace("@bindir@", str(prefix / bindir)), encoding="utf-8")
    shutil.copy(source / "packaging" / "refrain.socket", units / "refrain.socket")
    for path in [entry, units / "refrain.service", units / "refrain.socket"]:
        path.chmod(0o644)


if __name__ == "__main__":
    main()

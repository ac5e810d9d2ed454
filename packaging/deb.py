"""deb.py: the Debian package, of an installed tree.

    deb.py SOURCE TREE VERSION OUT

TREE is what `meson install` with prefix /usr put under DESTDIR; it is stripped and completed here. The
dependencies on libraries come from the programs (dpkg-shlibdeps); plug-ins of GStreamer, which no
program names, are listed below. Prints the package's path.
"""

import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Formats of the files that origins have: Vorbis and Opus (base), FLAC, MP3 (good), AAC (bad).
PLUGINS = "gstreamer1.0-plugins-base, gstreamer1.0-plugins-good"
# The last two ask routers for a port; they are loaded when needed, so no link to them shows.
RECOMMENDS = ("gstreamer1.0-alsa | gstreamer1.0-pulseaudio | gstreamer1.0-pipewire, gstreamer1.0-plugins-bad, "
              "libminiupnpc17 | libminiupnpc18, libnatpmp1 | libnatpmp1t64")
MAINTAINER = "The Refrain developers <refrain@localhost.localdomain>"
DESCRIPTION = """music streaming that listeners help with
 Refrain plays music of an origin server through a cache that stays, and through
 other listeners who have it: what was heard once is not asked for again.
 .
 refrain plays in the terminal, is steered over a socket, MPRIS and media keys,
 works offline, and serves other players by a gateway on the loopback address
 and by a GStreamer plug-in. refrain-origin serves a folder of music.
 refrain-measure simulates and measures."""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True,
                          **options).stdout


def elf_files(tree):
    found = []
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def compress(path):
    with open(path, "rb") as plain, open(f"{path}.gz", "wb") as packed:
        with gzip.GzipFile("", "wb", 9, packed, 0) as writer:
            writer.write(plain.read())
    path.unlink()


def write_documents(source, tree, version):
    folder = tree / "usr/share/doc/refrain"
    folder.mkdir(parents=True, exist_ok=True)
    licence = (source / "LICENSE").read_text(encoding="utf-8")
    owner = next(line for line in licence.splitlines() if line.startswith("Copyright"))
    terms = licence.split(owner, 1)[1].strip("\n")
    text = "\n".join(" " + (line or ".") for line in terms.splitlines())
    (folder / "copyright").write_text(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: Refrain\n\nFiles: *\nCopyright: {owner.replace('Copyright (c) ', '')}\n"
        f"License: Expat\n{text}\n", encoding="utf-8")
    changelog = folder / "changelog.Debian"
    changelog.write_text(f"refrain ({version}-1) unstable; urgency=medium\n\n  * Built from the sources.\n\n"
                         f" -- {MAINTAINER}  Mon, 23 Nov 2026 00:00:00 +0000\n", encoding="utf-8")
    compress(changelog)
    for page in sorted((tree / "usr/share/man").rglob("*.1")):
        compress(page)


def library_dependencies(files):
    with tempfile.TemporaryDirectory() as folder:
        debian = pathlib.Path(folder) / "debian"
        debian.mkdir()
        (debian / "control").write_text("Source: refrain\n\nPackage: refrain\nArchitecture: any\n",
                                        encoding="utf-8")
        told = run("dpkg-shlibdeps", "-O", "--ignore-missing-info", *files, cwd=folder,
                   stderr=subprocess.DEVNULL)
    return next(line for line in told.splitlines() if line.startswith("shlibs:Depends=")).split("=", 1)[1]


def write_control(tree, version, depends):
    control = tree / "DEBIAN"
    control.mkdir()
    payload = [path for path in sorted(tree.rglob("*"))
               if path.is_file() and not path.is_relative_to(control)]
    size = sum(path.stat().st_size for path in payload) // 1024
    architecture = run("dpkg", "--print-architecture").strip()
    (control / "control").write_text(
        f"Package: refrain\nVersion: {version}-1\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n"
        f"Installed-Size: {size}\nDepends: {depends}, {PLUGINS}\nRecommends: {RECOMMENDS}\n"
        f"Suggests: playerctl\nSection: sound\nPriority: optional\nDescription: {DESCRIPTION}\n",
        encoding="utf-8")
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n"
                   for path in payload)
    (control / "md5sums").write_text(sums, encoding="utf-8")
    return f"refrain_{version}-1_{architecture}.deb"


def move_for_debian(tree):
    """Where Debian's zsh looks for what packages bring."""
    folder = tree / "usr/share/zsh"
    if (folder / "site-functions").exists():
        (folder / "site-functions").rename(folder / "vendor-completions")


def set_modes(tree):
    for path in tree.rglob("*"):
        if not path.is_symlink():
            is_program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_program else 0o644)
    tree.chmod(0o755)


def main():
    source, tree, version, out = (pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3],
                                  pathlib.Path(sys.argv[4]))
    shutil.rmtree(tree / "DEBIAN", ignore_errors=True)
    files = elf_files(tree)
    for file in files:
        run("strip", "--strip-unneeded", "--remove-section=.comment", "--remove-section=.note", file)
    move_for_debian(tree)
    write_documents(source, tree, version)
    name = write_control(tree, version, library_dependencies(files))
    set_modes(tree)
    out.mkdir(parents=True, exist_ok=True)
    run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, out / name,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1795392000"})
    print(out / name)


if __name__ == "__main__":
    main()

"""texts.py: man pages and shell completions, made of what the programs say of themselves.

    texts.py FOLDER man OUT        a man page for each verb and program, into OUT (man1/...)
    texts.py FOLDER bash|zsh|fish  the completion, on standard output

FOLDER has the programs (or player/, streamserver/, measure/ with them). The one source of verbs, options
and their meanings is `--help` (player/args.c), so that neither can say what the program does not.
"""

import pathlib
import re
import subprocess
import sys

FOLDERS = {"refrain": "player", "refrain-origin": "streamserver", "refrain-measure": "measure"}
RELEASED = "2026-11-23"  # of the version in meson.build
EXIT_CODES = [
    (0, "done"), (1, "some items failed, others did not"), (2, "the command line is wrong"),
    (3, "no such track, file or folder"), (4, "the network or the other side failed"),
    (5, "an identity or a hash did not verify"),
    (6, "storage failed: full, read-only, damaged or of a newer version"),
    (7, "in use by another process"), (8, "unsupported or damaged media"),
    (9, "an error in the program itself, or no memory"),
    (10, "this machine can't do it: rights or a device are missing"), (130, "interrupted")]
FILES = [
    ("$XDG_CACHE_HOME/refrain", "the cache: what was heard, and what came ahead"),
    ("$XDG_STATE_HOME/refrain", "the control socket, likes, playlists, identities of origins, own key"),
    ("$XDG_CONFIG_HOME/refrain/refrain.conf", "every option, by its name without dashes"),
    ("$XDG_CONFIG_HOME/refrain/hooks/", "programs that are told what plays")]
# What an option's value is, for completion; others are free text.
WORDS = {"--output": ["auto", "null", "wav:"], "--shuffle": ["off", "tracks", "albums"],
         "--repeat": ["off", "all", "one"], "--replaygain": ["off", "track", "album", "auto"],
         "--preset": ["refrain", "spotify2010"]}
PATHS = {"-o", "--record"}


def find(folder, name):
    for path in (folder / FOLDERS[name] / name, folder / name):
        if path.exists():
            return path
    return None


def ask(program, *arguments):
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout


class Help:
    """A help text: usage lines, then paragraphs and terms with their meanings, in order."""

    def __init__(self, text):
        self.usage, self.parts = [], []
        for block in re.split(r"\n\s*\n", text.strip("\n")):
            lines = block.split("\n")
            if lines[0].lower().startswith("usage:"):
                while lines and (lines[0].lower().startswith("usage:") or lines[0].startswith("       ")):
                    self.usage.append(re.sub(r"(?i)^usage:", "", lines.pop(0)).strip())
            self._take(lines)

    def _take(self, lines):
        paragraph = []
        for line in lines:
            term = re.match(r"^  (\S.*)$", line)
            if term:
                self._end(paragraph)
                head, _, rest = self._split(term.group(1))
                self.parts.append(["term", head, rest])
            elif re.match(r"^ {4,}\S", line) and self.parts and self.parts[-1][0] == "term" and not paragraph:
                self.parts[-1][2] = (self.parts[-1][2] + " " + line.strip()).strip()
            elif line.strip():
                paragraph.append(line.strip())
        self._end(paragraph)

    @staticmethod
    def _split(text):
        """Term and meaning: two spaces part them, or one behind an option's value."""
        match = re.match(r"^(-\S+(?: [A-Z]+)?|\S.*?)(\s{2,}|(?<=[A-Z]) )(\S.*)$", text)
        return (match.group(1), "", match.group(3)) if match else (text, "", "")

    def _end(self, paragraph):
        if paragraph:
            self.parts.append(["text", " ".join(paragraph), ""])
            paragraph.clear()

    @property
    def options(self):
        """(name, value or "", meaning)"""
        found = []
        for kind, head, meaning in self.parts:
            if kind == "term" and head.startswith("-"):
                name, _, value = head.split(",")[0].strip().partition(" ")
                found.append((name, value, meaning))
        return found

    @property
    def takes_targets(self):
        return any("TARGET" in line for line in self.usage)


def verbs_of(program):
    """[(verb, what it does)] in the order of the help."""
    verbs = listed_verbs(program)
    for name, meaning in list(verbs):
        for line in Help(ask(program, name, "--help")).usage:  # its kin: "refrain like|unlike|likes"
            kin = re.match(r"refrain ([a-z]+(?:\|[a-z]+)*)(?= |$)", line)
            for word in kin.group(1).split("|") if kin else []:
                if word not in dict(verbs):
                    verbs.append((word, meaning))
    return verbs


def listed_verbs(program):
    verbs = []
    for kind, head, meaning in Help(ask(program, "--help")).parts:
        if kind != "term" or head.startswith("-"):
            continue
        for name in head.split(","):
            words = name.split()
            if words and re.fullmatch(r"[a-z]+", words[0]) and words[0] not in dict(verbs):
                verbs.append((words[0], meaning))
    return verbs


# --- man pages -------------------------------------------------------------------------------------


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return re.sub(r"^\.", "\\&.", text)


def heading(name, version):
    return [f'.TH {name.upper()} 1 {RELEASED} "Refrain {version}" "Refrain"', ".nh"]


def body(help_text, skip_terms=False):
    lines = []
    for kind, head, meaning in help_text.parts:
        if kind == "text":
            lines += [".PP", escape(head)]
        elif not skip_terms:
            lines += [".TP", f".B {escape(head)}", escape(meaning) if meaning else "\\&"]
    return lines


def ending(also):
    lines = [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", escape(meaning)]
    lines += [".SH ENVIRONMENT", ".TP", ".B REFRAIN_ORIGIN", "the origin, where no option names one", ".TP",
              ".B REFRAIN_AUDIO_SINK", "another audio device, as an element of GStreamer"]
    lines.append(".SH FILES")
    for path, meaning in FILES:
        lines += [".TP", f".I {escape(path)}", escape(meaning)]
    lines += [".SH SEE ALSO", ",\n".join(f".BR {escape(name)} (1)" for name in also).replace(",\n.", " ,\n.")]
    return lines


def synopsis(usage):
    lines = [".SH SYNOPSIS"]
    for i, line in enumerate(usage):
        name, _, rest = line.partition(" ")
        lines += ([".br"] if i else []) + [f".B {escape(name)}", escape(rest)]
    return lines


def write(out, name, lines):
    folder = out / "man1"
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(line for line in lines if line != "") + "\n"
    # A heading needs no paragraph behind it.
    text = re.sub(r"(\.SH [^\n]*\n)\.PP\n", r"\1", text)
    (folder / f"{name}.1").write_text(text, encoding="utf-8")


def man_refrain(program, out, version):
    verbs = verbs_of(program)
    pages = [f"refrain-{verb}" for verb, _ in verbs]
    top = Help(ask(program, "--help"))
    write(out, "refrain", heading("refrain", version) +
          [".SH NAME", "refrain \\- play music through a cache, peers and an origin"] + synopsis(top.usage) +
          [".SH DESCRIPTION"] + body(top) + ending(pages + ["refrain-origin", "refrain-measure"]))
    for verb, meaning in verbs:
        page = Help(ask(program, verb, "--help"))
        write(out, f"refrain-{verb}", heading(f"refrain-{verb}", version) +
              [".SH NAME", f"refrain\\-{verb} \\- {escape(meaning)}"] + synopsis(page.usage) +
              [".SH DESCRIPTION"] + (body(page) or [escape(meaning[:1].upper() + meaning[1:]) + "."]) +
              ending(["refrain", *(name for name in pages if name != f"refrain-{verb}")]))


def man_other(program, name, what, out, version):
    text = ask(program, "--help")
    page = Help(text)
    lines = heading(name, version) + [".SH NAME", f"{escape(name)} \\- {what}", ".SH SYNOPSIS",
                                      f".B {escape(name)}", "VERB [OPTIONS]", ".SH DESCRIPTION"]
    lines += body(page)
    for verb, _ in verbs_of(program):
        lines += [f".SS {verb}", ".nf", *(escape(line) or "\\&" for line in
                                          ask(program, verb, "--help").strip("\n").split("\n")), ".fi"]
    write(out, name, lines + ending(["refrain"]))


def man(folder, out):
    version = ask(find(folder, "refrain"), "--version").split()[-1]
    man_refrain(find(folder, "refrain"), out, version)
    others = {"refrain-origin": "serve a folder of music to listeners who help each other",
              "refrain-measure": "measure what listeners would experience"}
    for name, what in others.items():
        program = find(folder, name)
        if program is not None:
            man_other(program, name, what, out, version)


# --- completions -----------------------------------------------------------------------------------


def all_verbs(program):
    return [(verb, meaning, Help(ask(program, verb, "--help"))) for verb, meaning in verbs_of(program)]


def words_behind(verb, page):
    """Fixed words that may stand behind the verb, as its usage has them."""
    for line in page.usage:
        match = re.match(rf"refrain {verb} ([a-z]+(?:\|[a-z]+)*)(?: |$)", line)
        if match:
            return match.group(1).split("|")
    return []


def has_targets(verb, page):
    lines = [line for line in page.usage if re.match(rf"refrain (?:\w+\|)*{verb}\b", line)]
    return any("TARGET" in line for line in lines)


def bash(program):
    verbs = all_verbs(program)
    print("# Completion of refrain for bash; made by packaging/texts.py.")
    print("_refrain() {")
    print("    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}")
    print("    COMPREPLY=()")
    print("    if [ \"$COMP_CWORD\" -eq 1 ]; then")
    print(f"        COMPREPLY=($(compgen -W \"{' '.join(verb for verb, _, _ in verbs)} --help --version\" -- \"$cur\"))")
    print("        return\n    fi\n    case $prev in")
    for name, words in WORDS.items():
        print(f"    {name}) COMPREPLY=($(compgen -W \"{' '.join(words)}\" -- \"$cur\")); return ;;")
    print(f"    {'|'.join(sorted(PATHS))}) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;")
    print("    esac\n    local options=--help words= targets=\n    case $verb in")
    for verb, _, page in verbs:
        options = " ".join(name for name, _, _ in page.options)
        words = " ".join(words_behind(verb, page))
        print(f"    {verb}) options=\"{options} --help\" words=\"{words}\" "
              f"targets={'1' if has_targets(verb, page) else ''} ;;")
    print("""    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        return
    fi
    [ -n "$words" ] && [ "$COMP_CWORD" -eq 2 ] && COMPREPLY=($(compgen -W "$words" -- "$cur"))
    if [ -n "$targets" ]; then
        local name bare
        printf -v bare '%b' "${cur//[\\"\\']/}"
        while IFS=$'\\t' read -r name _; do
            [ -n "$name" ] && COMPREPLY+=("$(printf '%q' "$name")")
        done < <("${COMP_WORDS[0]}" complete targets "$bare" 2>/dev/null)
    fi
}
complete -o default -F _refrain refrain""")


def quoted(text):
    return text.replace("'", "'\\''").replace(":", "\\:").replace("[", "\\[").replace("]", "\\]")


def zsh(program):
    verbs = all_verbs(program)
    print("#compdef refrain\n# Completion of refrain for zsh; made by packaging/texts.py.\n")
    print("""_refrain_targets() {
    local -a names
    local name meaning
    while IFS=$'\\t' read -r name meaning; do
        [[ -n $name ]] && names+=("${name//:/\\\\:}:$meaning")
    done < <(_call_program targets refrain complete targets ${(q)${(Q)PREFIX}} 2>/dev/null)
    _describe -V 'track, album, artist or playlist' names
}
""")
    print("_refrain() {\n    if (( CURRENT == 2 )); then\n        local -a verbs=(")
    for verb, meaning, _ in verbs:
        print(f"            '{verb}:{quoted(meaning)}'")
    print("        )\n        _describe verb verbs\n        return\n    fi")
    print("    local verb=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $verb in")
    for verb, _, page in verbs:
        print(f"    {verb})\n        _arguments \\")
        for name, value, meaning in page.options:
            action = ""
            if value:
                action = f":{value.lower()}:" + (f"({' '.join(WORDS[name])})" if name in WORDS else
                                                 "_files" if name in PATHS else "")
            print(f"            '{name}[{quoted(meaning)}]{action}' \\")
        words = words_behind(verb, page)
        if words:
            print(f"            '1:word:({' '.join(words)})' \\")
        if has_targets(verb, page):
            print("            '*:target:_refrain_targets' \\")
        print("            '--help[how to use it]' ;;")
    print("    esac\n}\n\n_refrain \"$@\"")


def fish(program):
    def text(meaning):
        return meaning.replace("\\", "\\\\").replace("'", "\\'")

    print("# Completion of refrain for fish; made by packaging/texts.py.")
    print("complete -c refrain -f")
    for verb, meaning, page in all_verbs(program):
        print(f"complete -c refrain -n __fish_use_subcommand -a {verb} -d '{text(meaning)}'")
        seen = f"-n '__fish_seen_subcommand_from {verb}'"
        for name, value, what in page.options:
            flag = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
            kind = ""
            if value:
                kind = (f" -x -a '{' '.join(WORDS[name])}'" if name in WORDS else
                        " -r -F" if name in PATHS else " -x")
            print(f"complete -c refrain {seen} {flag}{kind} -d '{text(what)}'")
        words = words_behind(verb, page)
        if words:
            print(f"complete -c refrain {seen} -a '{' '.join(words)}'")
        if has_targets(verb, page):
            print(f"complete -c refrain {seen} -a '(refrain complete targets (commandline -ct) 2>/dev/null)'")


def main():
    folder, what = pathlib.Path(sys.argv[1]), sys.argv[2]
    if what == "man":
        man(folder, pathlib.Path(sys.argv[3]))
    else:
        {"bash": bash, "zsh": zsh, "fish": fish}[what](find(folder, "refrain"))


if __name__ == "__main__":
    main()

"""nat_lab.py: homes behind NAT devices of all kinds around one small internet (root only).

Each home is a network namespace behind a router, which is another one and translates by nftables; all
routers hang on a namespace that forwards between them, where the origin runs. There is no delay
beyond the kernel's. docs/OVERLAY.md says what the kinds are.
"""

import os
import select
import shutil
import subprocess
import tempfile
import time
import unittest

ORIGIN = "1.0.0.1"
KINDS = ("open", "cone", "address", "port", "symmetric", "mapped")

# What a router does with packets of its home on their way out, per kind.
_OUT = {
    "cone": "masquerade",
    "address": "masquerade",
    "port": "masquerade",
    "symmetric": "masquerade random,fully-random",
    "mapped": "masquerade",
}
# And with those that come unasked, before it is known to whom they go.
_IN = {
    "cone": "iifname wan tcp dport 1024-65535 dnat ip to {host}",
    "address": "iifname wan ip saddr @talked tcp dport 1024-65535 dnat ip to {host}",
}
_RULES = """
table inet home {{
    set talked {{ type ipv4_addr; flags dynamic, timeout; timeout 10m; size 4096; }}
    chain before {{
        type nat hook prerouting priority -100;
        {into}
    }}
    chain after {{
        type nat hook postrouting priority 100;
        oifname wan {out}
    }}
    chain through {{
        type filter hook forward priority 0;
        iifname lan oifname wan update @talked {{ ip daddr }}
        iifname wan ct state new ct status & dnat == 0 drop
    }}
    chain itself {{
        type filter hook input priority 0;
        iifname wan ct state new meta l4proto tcp {unasked}
    }}
}}
"""


def _run(*arguments, **options):
    done = subprocess.run(arguments, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, **options)
    if done.returncode != 0:
        raise OSError(f"{' '.join(arguments)}: {done.stderr}")


class Home:
    """One host: `prefix` runs a program on it, `inner` and `outer` are its addresses."""

    def __init__(self, lab, number, kind, unasked):
        self.kind, self.unasked, self.lab, self.number = kind, unasked, lab, number
        self.host = f"{lab.name}h{number}"
        self.router = None if kind == "open" else f"{lab.name}r{number}"
        self.outer = f"1.0.{number}.2"
        self.gateway = f"1.0.{number}.1" if self.router is None else f"10.0.{number}.1"
        self.inner = self.outer if self.router is None else f"10.0.{number}.2"
        self.prefix = ["ip", "netns", "exec", self.host]
        self.router_prefix = ["ip", "netns", "exec", self.router]
        self._join(number)
        if self.router is not None:
            rules = _RULES.format(into=_IN.get(kind, "").format(host=self.inner), out=_OUT[kind],
                                  unasked="drop" if unasked == "drop" else "reject with tcp reset")
            _run(*self.router_prefix, "nft", "-f", "-", input=rules)

    def mute_multicast(self):
        """The network between its hosts carries none any more."""
        _run(*self.router_prefix, "nft", "-f", "-", input="""table bridge home {
    chain between {
        type filter hook forward priority 0;
        ip daddr 224.0.0.0/4 drop
        ip6 daddr ff02::7265:6672 drop
    }
}
""")

    def neighbour(self):
        """Another host behind the same router."""
        return Neighbour(self)

    def _join(self, number):
        core, edge = self.lab.name, self.router or self.host
        self.lab.add(edge)
        lines = [f"link add v{number} netns {core} type veth peer name wan netns {edge}",
                 f"-n {core} addr add 1.0.{number}.1/24 dev v{number}",
                 f"-n {core} link set v{number} up",
                 f"-n {edge} addr add {self.outer}/24 dev wan",
                 f"-n {edge} link set wan up", f"-n {edge} link set lo up",
                 f"-n {edge} route add default via 1.0.{number}.1"]
        if self.router is not None:
            self.lab.add(self.host)
            lines += [f"-n {edge} link add lan type bridge",
                      f"link add port1 netns {edge} type veth peer name home netns {self.host}",
                      f"-n {edge} link set port1 master lan up",
                      f"-n {edge} addr add {self.gateway}/24 dev lan", f"-n {edge} link set lan up",
                      f"-n {self.host} addr add {self.inner}/24 dev home",
                      f"-n {self.host} link set home up", f"-n {self.host} link set lo up",
                      f"-n {self.host} route add default via {self.gateway}"]
        self.lab.ip(lines)


class Neighbour:
    """A second host in a home's network, at .3."""

    def __init__(self, home):
        lab, number = home.lab, home.number
        self.host, self.outer, self.kind = f"{lab.name}n{number}", home.outer, home.kind
        self.inner = f"10.0.{number}.3"
        self.prefix = ["ip", "netns", "exec", self.host]
        lab.add(self.host)
        lab.ip([f"-n {home.router} link add port2 type veth peer name home netns {self.host}",
                f"-n {home.router} link set port2 master lan up",
                f"-n {self.host} addr add {self.inner}/24 dev home",
                f"-n {self.host} link set home up", f"-n {self.host} link set lo up",
                f"-n {self.host} route add default via {home.gateway}"])


class Miniupnpd:
    """Debian's miniupnpd on a home's router; a context manager."""

    def __init__(self, home, upnp=True, natpmp=True, allow=None):
        if shutil.which("miniupnpd") is None:
            raise unittest.SkipTest("miniupnpd-nftables is not installed")
        self._folder = tempfile.TemporaryDirectory(prefix="refrain-")
        folder = self._folder.name
        lines = ["ext_ifname=wan", "listening_ip=lan", f"enable_natpmp={'yes' if natpmp else 'no'}",
                 f"enable_upnp={'yes' if upnp else 'no'}", "secure_mode=yes", "system_uptime=yes",
                 "min_lifetime=1", "max_lifetime=86400",
                 f"lease_file={folder}/leases", "upnp_table_name=miniupnpd",
                 "upnp_nat_table_name=miniupnpd", "upnp_forward_chain=forwarded",
                 "upnp_nat_chain=mapped", "upnp_nat_postrouting_chain=mapped_back",
                 "uuid=00000000-0000-4000-8000-000000000001",
                 f"allow 1024-65535 {allow or home.inner + '/32'} 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535"]
        with open(f"{folder}/conf", "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        self.home, self._natpmp = home, natpmp
        rules = """table inet miniupnpd {
    chain forwarded { }
    chain mapped { }
    chain mapped_back { }
    chain through { type filter hook forward priority -1; jump forwarded; }
    chain before { type nat hook prerouting priority -101; jump mapped; }
    chain after { type nat hook postrouting priority 99; jump mapped_back; }
}"""
        _run(*home.router_prefix, "nft", "-f", "-", input=rules)
        self._log = open(f"{folder}/log", "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen([*home.router_prefix, "miniupnpd", "-d", "-f", f"{folder}/conf",
                                         "-P", f"{folder}/pid"], stdout=self._log, stderr=self._log)

    def wait_ready(self, timeout_s=20):
        """Until it listens, as its log says."""
        deadline = time.monotonic() + timeout_s
        while "istening" not in self.log() or "port 5351" not in self.log() and self._natpmp:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"miniupnpd does not start: {self.log()}")
            select.select([], [], [], 0.02)

    def count_asked(self):
        """Requests so far that made or took back a mapping."""
        log = self.log()
        return sum(log.count(words) for words in ("PCP request received", "12bytes",
                                                  "#AddPortMapping", "#DeletePortMapping"))

    def rules(self):
        """Where ports are forwarded to now."""
        return subprocess.run([*self.home.router_prefix, "nft", "list", "chain", "inet", "miniupnpd",
                               "mapped"], check=True, capture_output=True, text=True).stdout

    def log(self):
        self._log.flush()
        with open(self._log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self._log.close()
        self._folder.cleanup()


class NatLab:
    """A context manager. `origin_prefix` runs a program where the origin is; home() adds one."""

    def __init__(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("network namespaces need root")
        for tool in ("ip", "nft"):
            if shutil.which(tool) is None:
                raise unittest.SkipTest(f"{tool} is not installed")
        self.name = f"rn{os.getpid()}"
        self.origin_prefix = ["ip", "netns", "exec", self.name]
        self._names = []
        self._homes = 0

    def ip(self, lines):
        _run("sh", "-e", input="".join(f"ip {line}\n" for line in lines))

    def add(self, name):
        """A namespace, with forwarding."""
        _run("ip", "netns", "add", name)
        self._names.append(name)
        _run("ip", "netns", "exec", name, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def home(self, kind, unasked="drop"):
        self._homes += 1
        return Home(self, self._homes, kind, unasked)

    def __enter__(self):
        try:
            self.add(self.name)
            self.ip([f"-n {self.name} link set lo up", f"-n {self.name} addr add {ORIGIN}/32 dev lo"])
        except OSError as problem:
            self.__exit__()
            raise unittest.SkipTest(f"no network namespaces: {problem}") from None
        return self

    def __exit__(self, *_):
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)

"""origin_serve.py: 16 KiB requests over one link of refrain-origin, against ranges from nginx.

One worker each, the same client (link_load.c), the same file, 32 requests outstanding; plain against
plain, TLS 1.3 against TLS 1.3, in turns. Prints medians of five and their ratio.
"""

import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import refrain  # noqa: E402

ROUNDS, SECONDS, DEPTH = 5, 1.0, 32

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    open_file_cache max=16;
    server {{
        listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        ssl_protocols TLSv1.3; root {root};
    }}
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def wait_open(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            continue
    raise SystemExit("nginx does not start")


def start_nginx(folder, root):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1", "-subj",
                    "/CN=bench", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, stderr=subprocess.DEVNULL)
    ports = {"plain": free_port(), "tls": free_port()}
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, root=root, **ports))
    process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    for port in ports.values():
        wait_open(port)
    return process, ports


def measure(kind, port, wire, file, size):
    load = pathlib.Path(refrain.program("refrain-origin")).with_name("link_load")
    return int(subprocess.run([load, kind, "127.0.0.1", str(port), wire, str(SECONDS), str(DEPTH),
                               file, str(size)], check=True, stdout=subprocess.PIPE).stdout)


def main():
    if shutil.which("nginx") is None:
        print("origin_serve: nginx is not installed")
        return 0
    with refrain.Sandbox() as sandbox:
        sandbox.path.chmod(0o755)  # nginx's worker is another user
        plain, tls = refrain.Origin(sandbox), refrain.Origin(sandbox)
        plain.init()
        plain.add(*refrain.wesnoth(1))
        file = plain.tracks()[0]["files"][0]
        root = sandbox.path / "root"
        root.mkdir()
        (root / "file").write_bytes((plain.folder / "media" / file["id"][:2] / file["id"]).read_bytes())
        plain.serve(http=True)
        tls.serve()
        nginx, ports = start_nginx(sandbox.path, root)
        try:
            for wire, origin in (("plain", plain), ("tls", tls)):
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    ours.append(measure("link", origin.port, wire, file["id"], file["bytes"]))
                    theirs.append(measure("http", ports[wire], wire, "/file", file["bytes"]))
                a, b = statistics.median(ours), statistics.median(theirs)
                print(f"{wire}: refrain-origin {a:.0f}/s, nginx {b:.0f}/s of 16 KiB: {a / b:.2f}x")
        finally:
            nginx.terminate()
            nginx.wait()
            plain.stop()
            tls.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

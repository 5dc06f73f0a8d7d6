"""A local RFC 3161 time-stamping authority by openssl, over HTTP. `python -m tests.tsa --dir D --port P` runs one by hand.

`root.pem` in its folder is what a client pins. It can be told to be down, to answer nonsense, or to let another authority answer.
"""

import argparse
import contextlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OPENSSL_SECONDS = 120

# No `certs =`: openssl would write signer and CA in an order that is not DER, which strict readers refuse.
CONFIG = """
[tsa_config]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
CA_EXTENSIONS = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
TSA_EXTENSIONS = (
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
    "extendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
)


def openssl(*arguments: str | Path, cwd: Path, stdin: bytes | None = None) -> bytes:
    """Runs openssl; what it wrote. Raises: AssertionError with its words."""
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, input=stdin, capture_output=True, timeout=OPENSSL_SECONDS)
    assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode()}"
    return done.stdout


class Authority:
    """A root, a TSA certificate under it, and tokens on request; made in `folder` once."""

    def __init__(self, folder: Path, name: str = "Local test TSA") -> None:
        self.folder = folder
        self.root_file = folder / "root.pem"
        self._lock = threading.Lock()
        if not self.root_file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._make(name)

    def _make(self, name: str) -> None:
        for kind, extensions in (("ca", CA_EXTENSIONS), ("tsa", TSA_EXTENSIONS)):
            (self.folder / f"{kind}.ext").write_text(extensions)
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{kind}.key", cwd=self.folder)
            openssl(
                "req", "-new", "-key", f"{kind}.key", "-subj", f"/O=Test/CN={name} {kind}", "-out", f"{kind}.csr", cwd=self.folder
            )
        sign = ("x509", "-req", "-days", "3650", "-sha256")
        openssl(*sign, "-in", "ca.csr", "-key", "ca.key", "-extfile", "ca.ext", "-out", "ca.pem", cwd=self.folder)
        issue = ("-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2")
        openssl(*sign, *issue, "-in", "tsa.csr", "-extfile", "tsa.ext", "-out", "tsa.pem", cwd=self.folder)
        (self.folder / "serial").write_text("01\n")
        (self.folder / "tsa.cnf").write_text(CONFIG.format(folder=self.folder.resolve()))
        (self.folder / "ca.pem").rename(self.root_file)  # last: who waits for this file finds everything

    def answer(self, request: bytes) -> bytes:
        """The TimeStampResp for a TimeStampReq."""
        with self._lock:  # the serial file is not safe for two openssl at once
            (self.folder / "query.tsq").write_bytes(request)
            arguments = ("-config", "tsa.cnf", "-section", "tsa_config", "-queryfile", "query.tsq", "-out", "reply.tsr")
            openssl("ts", "-reply", *arguments, cwd=self.folder)
            return (self.folder / "reply.tsr").read_bytes()


class LocalTsa:
    """The authority behind HTTP. `mode`: good, down (503), garbage, huge, or evil (another one of the same name answers)."""

    def __init__(self, folder: Path, port: int = 0, *, announce: bool = False) -> None:
        self.mode = "good"
        self.requests = 0
        making = folder / "making" if announce else folder
        self.authority = Authority(making)
        self._evil_folder = folder / "evil"
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self.root_file = self.authority.root_file
        if announce:  # only now does anything answer: `root.pem` says so
            self.root_file = folder / "root.pem"
            fresh = folder / "root.pem.new"
            fresh.write_bytes(self.authority.root_file.read_bytes())
            fresh.replace(self.root_file)

    def __enter__(self) -> "LocalTsa":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        """Answers until interrupted."""
        self._server.serve_forever(poll_interval=0.2)

    def reply(self, request: bytes) -> tuple[int, bytes]:
        """HTTP status and body, as the mode says."""
        self.requests += 1
        if self.mode == "down":
            return 503, b""
        if self.mode == "garbage":
            return 200, b"<html>not a timestamp</html>"
        if self.mode == "huge":
            return 200, b"\x30" * 1_000_000
        if self.mode == "evil":
            return 200, Authority(self._evil_folder).answer(request)
        return 200, self.authority.answer(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tsa = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 65536))
                status, body = tsa.reply(request)
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def main() -> None:
    """Runs an authority until interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="folder of its keys; root.pem appears there when it answers")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    tsa = LocalTsa(options.dir, options.port, announce=True)
    print(tsa.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        tsa.serve()


if __name__ == "__main__":
    main()

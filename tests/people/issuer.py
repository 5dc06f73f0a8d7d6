"""A small OpenID Connect issuer in a process of its own: `python -m tests.people.issuer` prints its address and answers.

It is strict where the service must be right (client, redirect address, PKCE, single-use codes) and lies where a test tells it to:
`POST /next` sets the claims of the next token and how it is signed. Not checked: who sits there; everybody is let through.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

CLIENT, SECRET = "holdstill", "a secret of the test"
KEY = ECKey.generate_key("P-256", parameters={"kid": "one", "use": "sig", "alg": "ES256"})
EVIL = ECKey.generate_key("P-256", parameters={"kid": "one", "use": "sig", "alg": "ES256"})


class Issuer(BaseHTTPRequestHandler):
    """Discovery, keys, authorization and token endpoint."""

    codes: ClassVar[dict[str, dict[str, str]]] = {}
    orders: ClassVar[dict[str, Any]] = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/.well-known/openid-configuration":
            self._discovery()
        elif path == "/keys":
            self._json(KeySet([KEY]).as_dict(private=False))
        elif path == "/authorize":
            self._authorize(asked)
        else:
            self._json({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 65_536)).decode()
        if self.path == "/next":
            Issuer.orders = json.loads(body)
            self._json({})
        elif self.path == "/token":
            self._token(dict(urllib.parse.parse_qsl(body)))

    def _discovery(self) -> None:
        facts = {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "jwks_uri": f"{self.origin}/keys",
        }
        self._json(facts | self.orders.get("discovery", {}), pad=self.orders.get("pad", 0))

    def _authorize(self, asked: dict[str, str]) -> None:
        wanted = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in wanted.items()) or "openid" not in asked.get("scope", ""):
            self._json({"error": "invalid_request"}, 400)
            return
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.origin} | self.orders.get("back", {})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{urllib.parse.urlencode(back)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _token(self, form: dict[str, str]) -> None:
        asked = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{urllib.parse.quote_plus(SECRET)}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        known = self.headers.get("Authorization") in (f"Basic {basic}", f"Basic {plain}")
        if asked is None or not known or proved != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            self._json({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {"iss": self.origin, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]} | self.orders["claims"]
        claims = {name: value for name, value in claims.items() if value is not None}
        self._json({"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": self._signed(claims)})

    def _signed(self, claims: dict[str, Any]) -> str:
        how = self.orders.get("sign", "good")
        if how == "none":
            parts = [json.dumps(one).encode() for one in ({"alg": "none"}, claims)]
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        if how == "public":  # an algorithm that takes the public key for a shared secret
            pem = KEY.as_pem(private=False)
            parts = [json.dumps(one).encode() for one in ({"alg": "HS256", "kid": "one"}, claims)]
            signed = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
            mac = hmac.digest(pem, signed.encode(), hashlib.sha256)
            return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        if how == "own":  # a key of its own in the header
            return jwt.encode({"alg": "ES256", "kid": "one", "jwk": EVIL.as_dict(private=False)}, claims, EVIL)
        if how == "secret":  # an algorithm with the client's own secret as key
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
        if how == "other_kind":
            return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, EVIL if how == "evil" else KEY)

    def _json(self, value: Any, status: int = 200, pad: int = 0) -> None:
        body = json.dumps(value).encode() + b" " * pad
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Issuer) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.daemon_threads = True
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            sys.exit(0)

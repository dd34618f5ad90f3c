"""Tokens that must not be believed, and some that just may: the same are tried at the door and straight at a service."""
import base64
import hashlib
import hmac
import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

# Of skew, in the door and in the services.
SKEW = 60


class Forge:
    """Knows the signing key of an installation (PEM) and its name, and what a good token claims."""

    def __init__(self, key, kid, issuer, audience):
        self.key, self.kid = key, kid
        self._claims = {"iss": issuer, "aud": audience, "sub": "x", "roles": ["REGISTRAR"]}

    def token(self, key=None, header=None, without=(), **claims):
        """A good one, but for what is named."""
        claims = {**self._claims, "exp": int(time.time()) + 600, **claims}
        claims = {name: value for name, value in claims.items() if name not in without}
        return jwt.encode(claims, key or self.key, algorithm="ES256", headers={"kid": self.kid, **(header or {})})

    def good(self):
        """By what is special about them, just within the skew: the values of Authorization headers."""
        now = int(time.time())
        return {"good": [bearer(self.token())],
                "expired within the skew": [bearer(self.token(exp=now - SKEW // 2))],
                "good soon": [bearer(self.token(nbf=now + SKEW // 2))],
                "for several": [bearer(self.token(aud=["others", self._claims["aud"]]))]}

    def once(self, **claims):
        """Good for one call."""
        now = int(time.time())
        return self.token(**{"civicmesh_use": "once", "jti": secrets.token_hex(16), "iat": now, "exp": now + 300, **claims})

    def hostile_to_services(self):
        """What the door cannot tell from a good one, and a service must."""
        now = int(time.time())
        single = {
            "good once, without an id": self.token(civicmesh_use="once", iat=now, exp=now + 300),
            "good once, its id no text": self.once(jti=7),
            "good once, without a beginning": self.token(civicmesh_use="once", jti="x"),
            "good once, for an hour": self.once(exp=now + 3600),
            "for an unknown use": self.once(civicmesh_use="twice"),
            "good once, in another spelling": self.once(civicmesh_use=True),
        }
        return {what: [bearer(token)] for what, token in single.items()}

    def hostile(self):
        """The same for those that must be refused."""
        now, good, stranger = int(time.time()), self.token(), new_key()
        head, claims, signature = good.split(".")
        other = self.token(sub="another").split(".")
        payload = json.loads(unpacked(claims))
        single = {
            "expired": self.token(exp=now - SKEW - 30),
            "without an end": self.token(without=["exp"]),
            "with an end in words": self.token(exp="tomorrow"),
            "not yet good": self.token(nbf=now + SKEW + 30),
            "of another issuer": self.token(iss="https://elsewhere.test"),
            "of no issuer": self.token(without=["iss"]),
            "for somebody else": self.token(aud="another"),
            "for nobody": self.token(aud=[]),
            "for nobody named": self.token(without=["aud"]),
            "of another key": self.token(key=stranger),
            "of another key by another name": self.token(key=stranger, header={"kid": "other"}),
            "of a key by a path": self.token(key=stranger, header={"kid": "../../keys/signing-key.pem"}),
            "of a key that is a file": self.token(key=stranger, header={"kid": "/dev/null"}),
            "of a key by a query": self.token(key=stranger, header={"kid": f"{self.kid}' OR '1'='1"}),
            "of a key that it brings": self.token(key=stranger, header={"kid": "own", "jwk": public_jwk(stranger)}),
            "of a key from elsewhere": self.token(key=stranger, header={"kid": "own", "jku": "https://elsewhere.test/jwks.json"}),
            "algorithm none": f"{packed({'alg': 'none', 'kid': self.kid})}.{claims}.",
            "algorithm nOnE, signed": f"{packed({'alg': 'nOnE', 'kid': self.kid})}.{claims}.{signature}",
            "no algorithm": f"{packed({'kid': self.kid})}.{claims}.{signature}",
            "signed by the public key as a secret": with_secret({"alg": "HS256", "kid": self.kid}, payload, public_pem(self.key)),
            "signed by an empty secret": with_secret({"alg": "HS256", "kid": self.kid}, payload, b""),
            "another algorithm's name": f"{packed({'alg': 'RS256', 'kid': self.kid})}.{claims}.{signature}",
            "changed after signing": f"{head}.{packed({**payload, 'roles': ['OPERATOR']})}.{signature}",
            "signature stripped": f"{head}.{claims}.",
            "signature and its dot stripped": f"{head}.{claims}",
            "signature of another": f"{head}.{claims}.{other[2]}",
            "signature cut": f"{head}.{claims}.{signature[:-8]}",
            "signature of zeros": f"{head}.{claims}.{'A' * len(signature)}",
            "padded": good + "=",
            "a part more": good + ".e30",
            "no JSON": f"{packed_bytes(b'no')}.{packed_bytes(b'no')}.{signature}",
            "dots": "..",
            "a word": "x",
            "long": "x" * 12_000,
        }
        whole = {
            "another scheme": ["Basic " + base64.b64encode(b"admin:admin").decode()],
            "no scheme": [good],
            "an empty one": ["Bearer "],
            "two in one": [f"{bearer(good)},{bearer(good)}"],
            "two of which one is good": [bearer(good), bearer(single["of another key"])],
            "two of which the other is good": [bearer(single["of another key"]), bearer(good)],
            "two good ones": [bearer(good), bearer(self.token(sub="another"))],
            "a good one and another scheme": [bearer(good), "Basic x"],
        }
        return {**{what: [bearer(token)] for what, token in single.items()}, **whole}


def bearer(token):
    return "Bearer " + token


def headers(values):
    return [("authorization", value) for value in values]


def packed_bytes(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def packed(what):
    return packed_bytes(json.dumps(what).encode())


def unpacked(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def with_secret(header, claims, secret):
    """By hand: libraries refuse to take a public key for a secret."""
    text = f"{packed(header)}.{packed(claims)}"
    return f"{text}.{packed_bytes(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def new_key():
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def public_pem(key):
    return serialization.load_pem_private_key(key.encode(), None).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_jwk(key):
    numbers = serialization.load_pem_private_key(key.encode(), None).public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": packed_bytes(numbers.x.to_bytes(32, "big")), "y": packed_bytes(numbers.y.to_bytes(32, "big"))}

"""JSF by rfc8785 and cryptography, which share no code with the crate.

jsf.py verify FILE            fails unless the document's signature is right by the key that it names
jsf.py sign FILE KEY OUT      signs a document without a signature with a PEM key
"""

import json
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


def decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(raw):
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def verify(name):
    document = json.loads(Path(name).read_text(encoding="utf-8"))
    signature = document["signature"]
    value = decoded(signature.pop("value"))
    assert signature["algorithm"] == "Ed25519", signature
    Ed25519PublicKey.from_public_bytes(decoded(signature["publicKey"]["x"])).verify(value, rfc8785.dumps(document))


def sign(name, key, out):
    document = json.loads(Path(name).read_text(encoding="utf-8"))
    private = load_pem_private_key(Path(key).read_bytes(), None)
    x = encoded(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    document["signature"] = {"algorithm": "Ed25519", "publicKey": {"kty": "OKP", "crv": "Ed25519", "x": x}}
    document["signature"]["value"] = encoded(private.sign(rfc8785.dumps(document)))
    Path(out).write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    {"verify": verify, "sign": sign}[sys.argv[1]](*sys.argv[2:])

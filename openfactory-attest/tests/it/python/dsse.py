"""DSSE by securesystemslib, which shares no code with the crate.

dsse.py verify ENVELOPE PUBLIC.pem KEYID PAYLOAD-OUT   exit 0 if the envelope verifies; writes its payload
dsse.py verify-by THRESHOLD ENVELOPE PAYLOAD-OUT PUBLIC.pem KEYID [PUBLIC.pem KEYID]...   the same by several keys
dsse.py sign PAYLOAD TYPE PRIVATE.pem ENVELOPE-OUT     signs with the key
"""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey


def verify(envelope, public, keyid, payload_out):
    verify_by(1, envelope, payload_out, public, keyid)


def verify_by(threshold, envelope, payload_out, *keys):
    known = []
    for public, keyid in zip(keys[::2], keys[1::2]):
        with open(public, "rb") as file:
            known.append(SSlibKey.from_crypto(load_pem_public_key(file.read()), keyid=keyid))
    with open(envelope, "rb") as file:
        parsed = Envelope.from_dict(json.load(file))
    parsed.verify(known, int(threshold))
    with open(payload_out, "wb") as file:
        file.write(parsed.payload)


def sign(payload, payload_type, private, envelope_out):
    with open(private, "rb") as file:
        signer = CryptoSigner(load_pem_private_key(file.read(), None))
    with open(payload, "rb") as file:
        envelope = Envelope(file.read(), payload_type, {})
    envelope.sign(signer)
    with open(envelope_out, "w", encoding="utf-8") as file:
        json.dump(envelope.to_dict(), file)


if __name__ == "__main__":
    {"verify": verify, "verify-by": verify_by, "sign": sign}[sys.argv[1]](*sys.argv[2:])

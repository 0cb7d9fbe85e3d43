"""Makes an RSA key and a JWT: CLIENT_ID SUBJECT NOW. Prints the public key in hex, the JWT, and the JWT signed anew."""

import base64
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

client_id, subject, now = sys.argv[1], sys.argv[2], int(sys.argv[3])


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(key, **claims):
    parts = ({"alg": "RS256", "typ": "JWT", "kid": "1"}, {"iss": client_id, "aud": client_id, **claims})
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return signed + "." + encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
print(public.hex())
print(jwt(key, sub=subject, iat=now, exp=now + 300))
print(jwt(other, sub=subject, iat=now, exp=now + 300))
print(jwt(key, sub=subject, iat=now, exp=now - 1))
print(jwt(key, sub=subject, iat=now, exp=now + 300, aud="somebody else"))

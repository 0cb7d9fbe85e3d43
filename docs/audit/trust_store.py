"""Whose signatures count, read without any of openfactory's code: a trust store, its signed key registry, its signed
revocation list (docs/formats: envelope.md, key-registry.md, revocation-list.md)."""

import base64
import json
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from verify_log import Bad, sha256

REVOCATIONS = "application/vnd.openfactory.revocation-list.v1+json"
REGISTRY = "application/vnd.openfactory.key-registry.v1+json"
SECRETS = {"jwt-session", "fernet", "ssh-host", "luks-passphrase", "git-deploy"}  # these sign nothing


class CannotTell(Exception):
    """Nobody can say whether it is good or bad."""


def once(pairs):
    names = dict(pairs)
    if len(names) != len(pairs):
        raise Bad("a name occurs twice in one JSON object")
    return names


def parse(data):
    try:
        return json.loads(data, object_pairs_hook=once)
    except ValueError as error:
        raise Bad(f"not JSON: {error}") from None


def unbase64(text):
    """Base64 of either alphabet, never of both, padded or not (DSSE, envelope.md)."""
    plain = text if set(text) & set("+/") else text.translate(str.maketrans("-_", "+/"))
    data = base64.b64decode(plain if "=" in plain else plain + "=" * (-len(plain) % 4), validate=True)
    if base64.b64encode(data).decode().rstrip("=") != plain.rstrip("="):
        raise Bad("base64 with bits that belong to no byte")
    return data


class Key:
    def __init__(self, entry):
        self.name, self.kind = entry["name"], entry["kind"]
        self.public = serialization.load_pem_public_key(entry["public_key"].encode())
        if not isinstance(self.public, Ed25519PublicKey):
            raise Bad(f"the key {self.name} is no Ed25519 key")
        form, raw = serialization.PublicFormat, serialization.Encoding
        self.id = sha256(self.public.public_bytes(raw.DER, form.SubjectPublicKeyInfo)).hex()
        material = b"\x01" + self.public.public_bytes(raw.Raw, form.Raw)
        self.vkey = (self.name, sha256(self.name.encode() + b"\n" + material)[:4], self.public)

    def signed(self, message, signature):
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def open_envelope(envelope, payload_type, keys, threshold=1):
    """The payload of a DSSE envelope that so many of these keys signed, and those that did, by their ids."""
    payload = unbase64(envelope["payload"])
    kind = envelope["payloadType"].encode()
    if kind != payload_type.encode():
        raise Bad(f"the envelope holds {kind!r}, expected {payload_type}")
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signatures = [unbase64(signature["sig"]) for signature in envelope["signatures"]]
    signers = {key.id: key for key in keys if any(key.signed(message, signature) for signature in signatures)}
    if len(signers) < threshold:
        raise Bad(f"{len(signers)} trusted keys of the right kind signed the envelope, not {threshold}")
    return payload, signers


def time(text):
    moment = datetime.fromisoformat(text)
    if not text.endswith("Z"):
        raise Bad(f"{text!r} is no time in UTC")
    return moment


def open_revocations(envelope, roots):
    """What was revoked, by the keys' ids. Who is revoked by a list does not vouch for it alone."""
    payload, signers = open_envelope(envelope, REVOCATIONS, roots)
    said = parse(payload)
    revoked = {entry["key_id"]: entry for entry in said["revoked"]}
    if said["version"] != 1 or not set(signers) - set(revoked):
        raise Bad("a revocation list of another version, or one whose signers it revokes")
    return revoked


def open_registry(envelope, roots, threshold):
    """A key registry that so many root keys signed, and as many as it asks for itself."""
    payload, signers = open_envelope(envelope, REGISTRY, roots, threshold)
    registry = parse(payload)
    if registry["version"] != 1:
        raise Bad(f"a key registry of version {registry['version']}")
    ids = [entry["id"] for entry in registry["keys"]]
    if ids != sorted(set(ids)) or time(registry["expires"]) <= time(registry["issued"]):
        raise Bad("the key registry contradicts itself")
    if not 1 <= registry["threshold"] <= len(signers):
        raise Bad(f"{len(signers)} root keys signed the key registry, it asks for {registry['threshold']}")
    return registry


def alive(registry, at):
    """The keys of a registry that count at this time."""
    if time(registry["expires"]) <= at:
        raise CannotTell(f"the key registry has expired at {registry['expires']}: a renewed one has to be taken")
    keys = []
    for entry in registry["keys"]:
        begins = time(entry["not_before"])
        ends = time(entry["not_after"]) if "not_after" in entry else None
        if entry["kind"] in SECRETS:
            continue
        key = Key(entry)
        if key.id != entry["id"] or (ends and ends <= begins):
            raise Bad(f"the key registry contradicts itself about {entry['id']}")
        # The anchors are the store's own; no registry adds one.
        if key.kind != "root-signing" and begins <= at and (ends is None or at < ends):
            keys.append(key)
    return keys


def read_trust(file, at):
    """(the keys that count, what was revoked by id). `at` is the time that is asked for; if it is None, the one at which the
    store's registry was signed."""
    trust = parse(file.read_bytes())
    keys, revoked = [Key(entry) for entry in trust["keys"]], {}
    roots = [key for key in keys if key.kind == "root-signing"]
    if "revocations" in trust:
        revoked = open_revocations(trust["revocations"], roots)
        roots = [key for key in roots if key.id not in revoked]
    if "registry" in trust:
        registry = open_registry(trust["registry"], roots, trust.get("threshold", 1))
        at = at or time(registry["issued"])
        # Of a key that is listed the registry's word alone counts.
        listed = {entry["id"] for entry in registry["keys"] if entry["kind"] != "root-signing"}
        keys = [key for key in keys if key.id not in listed] + alive(registry, at)
        print(f"the key registry {registry['sequence']} is good, and was asked for {at.isoformat()}")
    return keys, revoked

#!/usr/bin/env python3
"""Re-verifies an evidence bundle without any of openfactory's code.

usage: verify_bundle.py BUNDLE [TRUST [TIME]]

BUNDLE is a directory that `attest bundle create` made; TRUST a trust store that reached you another way. Without it the
bundle's own is used: compare the key ids that are printed with what you know from elsewhere. Where TRUST has a key registry,
those of its keys count that were alive at TIME (RFC 3339 or a day; now if not given). The bundle's own is asked for the time
when its registry was signed.

Exit status: 0 checked and good, 1 checked and bad, 2 could not check. The formats are in docs/formats: DSSE, in-toto
Statement v1, RFC 8785, dm-verity, c2sp.org/tlog-proof. Needs the `cryptography` package for Ed25519. The image's files are
not unpacked here: `unsquashfs`, then `sha256sum --check manifest.sha256` in the root of what it unpacked.
"""

import base64
import hashlib
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from trust_store import CannotTell, open_envelope, parse, read_trust, time
from verify_log import Bad, open_checkpoint, sha256

STATEMENT = "application/vnd.in-toto+json"
DOCUMENT = "https://openfactory.tech/attest/image-verification/v1"
INTENT = "https://openfactory.tech/attest/build-intent/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
OURS = """verification.json intent.json recipe.json request.txt build.log test-report hash-device manifest.json
manifest.sha256 trust.json intent.entry intent.proof document.entry document.proof""".split()
WITH_PROVENANCE = ["provenance.json", "provenance.entry", "provenance.proof"]
FLAWS = (Bad, AttributeError, KeyError, TypeError, ValueError)


def file_digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expect(what, good):
    if not good:
        raise Bad(what)
    print(f"proved: {what}")


def check_sums(bundle):
    names = []
    for line in (bundle / "SHA256SUMS").read_bytes().decode().removesuffix("\n").split("\n"):
        digest, separator, name = line.partition("  ")
        path = bundle / name
        if not separator or "/" in name or not name or path.is_symlink() or not path.is_file():
            raise Bad(f"SHA256SUMS has a line that names no file of the bundle: {line!r}")
        expect(f"file {name} has its digest", file_digest(path) == digest)
        names.append(name)
    there = sorted(path.name for path in bundle.iterdir())
    expect("there are no other files", there == sorted([*names, "SHA256SUMS"]))
    return names


def number(value):
    """A number as ECMAScript writes it (RFC 8785, section 3.2.2.3)."""
    value = float(value)
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    digits, exponent, power = repr(value).partition("e")
    if not exponent:
        return digits
    return format(Decimal(repr(value)), "f") if 1e-6 <= abs(value) < 1 else f"{digits}e{int(power):+d}"


def canonical(value):
    """RFC 8785."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def root_hash(path, verity):
    """The dm-verity root hash of a file: hash type 1, SHA-256."""
    if (verity["hashType"], verity["algorithm"]) != (1, "sha256"):
        raise Bad("a hash tree of another kind")
    salt = b"" if verity["salt"] == "-" else bytes.fromhex(verity["salt"])
    size, hash_size = verity["dataBlockSize"], verity["hashBlockSize"]
    hashes = []
    with path.open("rb") as image:
        while block := image.read(size):
            if len(block) != size:
                raise Bad("the image is no whole number of blocks")
            hashes.append(sha256(salt + block))
    if len(hashes) != verity["dataBlocks"]:
        raise Bad("the image has another number of blocks")
    per_block = hash_size // 32
    while len(hashes) > 1:
        groups = (hashes[at : at + per_block] for at in range(0, len(hashes), per_block))
        hashes = [sha256(salt + b"".join(group).ljust(hash_size, b"\0")) for group in groups]
    return hashes[0].hex()


def inclusion(leaf, index, size, path, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        return False
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = sha256(b"\x01" + sibling + node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def checkpoint(note, vkeys, what):
    """(size, root) of the checkpoint, by whichever of its log's keys signed it: a log has a new one now and then."""
    why = Bad(f"no key of the log is trusted which signs the checkpoint in {what}")
    for vkey in vkeys:
        try:
            return open_checkpoint(note, vkey, f"the checkpoint in {what}")
        except Bad as bad:
            why = bad
    raise why


def held(bundle, name, logs):
    """(origin, index, what the entry says a key signed), proved under the checkpoint of a trusted log."""
    entry = (bundle / f"{name}.entry").read_bytes()
    head, _, note = (bundle / f"{name}.proof").read_bytes().partition(b"\n\n")
    lines = head.decode().split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        raise Bad(f"{name}.proof is no tlog-proof")
    index = int(lines[1].removeprefix("index "))
    path = [base64.b64decode(line, validate=True) for line in lines[2:]]
    origin = note.split(b"\n", 1)[0].decode()
    size, root = checkpoint(note, [key.vkey for key in logs if key.name == origin], f"{name}.proof of {origin}")
    proved = inclusion(sha256(b"\x00" + entry), index, size, path, root)
    expect(f"the log {origin} held {name}.entry at {index}", proved)
    return origin, index, parse(entry)["new"]


def statement(bundle, name, predicate_type, keys, revoked, proof):
    """The predicate of a signed statement, which a log held as this key's."""
    payload, signers = open_envelope(parse((bundle / f"{name}.json").read_bytes()), STATEMENT, keys)
    origin, index, use = proof
    logged = use["payload_sha256"] == sha256(payload).hex() and use["key_id"] in signers
    expect(f"that entry is about the payload of {name}.json and a key that signed it", logged)
    key = signers[use["key_id"]]
    print(f"signed by the {key.kind} key {key.id} ({key.name})")
    if key.id in revoked:
        windows = {window["log"]: window["from"] for window in revoked[key.id].get("windows", [])}
        expect("the log held it before that key was in other hands", index < windows.get(origin, 0))
    said = parse(payload)
    if (said["_type"], said["predicateType"]) != ("https://in-toto.io/Statement/v1", predicate_type):
        raise Bad(f"{name}.json is no such statement")
    return said["predicate"], {it["name"]: it["digest"]["sha256"] for it in said["subject"]}, sha256(payload).hex()


def sum_line(entry):
    path = base64.b64decode(entry["path_base64"]) if "path_base64" in entry else entry["path"].encode()
    name = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if name != path else b"") + entry["sha256"].encode() + b"  ./" + name + b"\n"


def provenance_of(document):
    """What SLSA provenance has to say of the document's build."""

    def resource(name, digest):
        return {"name": name, "digest": {"sha256": digest}}

    recipe = resource("recipe", document["recipeHash"])
    report = [resource("test-report", document["testReport"]["sha256"])] if "testReport" in document else []
    byproducts = [resource("build-log", document["buildLog"]["sha256"])]
    byproducts += [resource("manifest", document["manifest"]["sha256"]), *report]
    byproducts += [resource(sbom["name"], sbom["sha256"]) for sbom in document.get("sboms", [])]
    definition = {"buildType": "https://openfactory.tech/attest/image-build/v1"}
    definition["externalParameters"] = {"recipe": recipe}
    definition["resolvedDependencies"] = [recipe, resource("build-intent", document["intentDigest"])]
    run = {"builder": {"id": document["builder"]["id"]}, "metadata": {"invocationId": document["buildId"]}}
    return {"buildDefinition": definition, "runDetails": {**run, "byproducts": byproducts}}


def verify(bundle, keys, revoked):
    names = check_sums(bundle)
    if "verification.json" not in names:
        raise Bad("there is no verification.json")
    logs = [key for key in keys if key.kind == "audit-log" and key.id not in revoked]
    builders = [key for key in keys if key.kind == "build-platform-signing"]

    intent_proof, document_proof = held(bundle, "intent", logs), held(bundle, "document", logs)
    intent, _, intent_digest = statement(bundle, "intent", INTENT, builders, revoked, intent_proof)
    document, subjects, _ = statement(bundle, "verification", DOCUMENT, builders, revoked, document_proof)
    image, verity = document["image"], document["verity"]
    container = [document["container"]] if "container" in document else []
    (log, first), (other_log, second) = intent_proof[:2], document_proof[:2]
    expect("one log held the intent before the document", log == other_log and first < second)
    about = {image["name"]: image["sha256"], image["name"] + "#dm-verity": verity["rootHash"]}
    expect("the document is about its image", subjects == about)
    expect("the document refers to the intent", document["intentDigest"] == intent_digest)

    of_provenance = [name for name in WITH_PROVENANCE if name in names]
    if of_provenance == WITH_PROVENANCE:
        proof = held(bundle, "provenance", logs)
        said, about, _ = statement(bundle, "provenance", PROVENANCE, builders, revoked, proof)
        same = (said, about) == (provenance_of(document), subjects)
        expect("the provenance says of the build what the document says", same)
    recipe = sha256(canonical(parse((bundle / "recipe.json").read_bytes())).encode()).hex()
    expect("recipe.json is the recipe of both", recipe == document["recipeHash"] == intent["recipeHash"])
    files = [("request.txt", intent["requestDigest"]), ("build.log", document["buildLog"]["sha256"])]
    files += [("hash-device", verity["hashArea"]["sha256"]), ("manifest.json", document["manifest"]["sha256"])]
    files += [(it["name"], it["sha256"]) for it in [image, *container, *document.get("sboms", [])]]
    if "testReport" in document:
        files.append(("test-report", document["testReport"]["sha256"]))
    expect("every file is spoken of", set(names) <= set(OURS + WITH_PROVENANCE) | {name for name, _ in files})
    missing = [name for name, _ in files if name not in names]
    missing += [name for name in WITH_PROVENANCE if of_provenance and name not in names]
    for name, digest in files:
        if name not in missing:
            expect(f"{name} is what was signed", file_digest(bundle / name) == digest)
    if image["name"] not in missing:
        expect("the image has the signed root hash", root_hash(bundle / image["name"], verity) == verity["rootHash"])
    if "manifest.json" not in missing:
        entries = parse((bundle / "manifest.json").read_bytes())["entries"]
        sums = b"".join(sum_line(entry) for entry in entries if entry["kind"] == "file")
        expect("manifest.sha256 lists the files of manifest.json", sums == (bundle / "manifest.sha256").read_bytes())
    if missing:
        raise CannotTell(f"the bundle lacks {', '.join(missing)}")
    return document["buildId"]


def trust_of(bundle, arguments):
    """By the trust store that was given, which is not to be judged here; or by the bundle's own, which is."""
    own = bundle / "trust.json"
    if not arguments:
        return read_trust(own, None) if own.exists() else ([], {})
    try:
        at = arguments[1] if len(arguments) == 2 else None
        moment = time(at if "T" in at else f"{at}T00:00:00Z") if at else datetime.now(UTC)
        return read_trust(Path(arguments[0]), moment)
    except FLAWS as bad:
        raise CannotTell(f"the trust store is none: {type(bad).__name__}: {bad}") from bad


def main(arguments):
    if len(arguments) not in (1, 2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    bundle = Path(arguments[0])
    try:
        build = verify(bundle, *trust_of(bundle, arguments[1:]))
    except FLAWS as bad:
        print(f"BAD: {type(bad).__name__}: {bad}")
        return 1
    except (CannotTell, OSError) as error:
        print(f"could not check: {error}", file=sys.stderr)
        return 2
    print(f"good: the evidence of build {build}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

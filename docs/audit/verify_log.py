#!/usr/bin/env python3
"""Re-verifies an openfactory audit log without any of its code.

usage: verify_log.py DIRECTORY VKEY [OLDER-CHECKPOINT]

DIRECTORY holds `journal` and `checkpoint`; VKEY is the log's verifier key, `name+hash+base64`; OLDER-CHECKPOINT is
a copy of an earlier `checkpoint` file that was kept where the log could not reach it.

Exit status: 0 checked and good, 1 checked and bad, 2 could not check. The formats are in docs/formats/audit-log.md:
RFC 6962 (Merkle tree), c2sp.org/signed-note, c2sp.org/tlog-checkpoint. Needs the `cryptography` package for Ed25519.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAGIC = b"openfactory-audit-journal/1 "
ENTRY = re.compile(rb"([0-9a-f]{64}) (.{1,65535})", re.DOTALL)
COMMIT = re.compile(rb"= (0|[1-9][0-9]*) ([0-9a-f]{64})")


class Bad(Exception):
    """Checked, and it is bad."""


def sha256(data):
    return hashlib.sha256(data).digest()


class Tree:
    """The root of an RFC 6962 tree, from the roots of the complete subtrees that its leaves make."""

    def __init__(self):
        self.size = 0
        self.peaks = []  # (leaves, root), largest first

    def push(self, leaf):
        leaves, root = 1, leaf
        while self.peaks and self.peaks[-1][0] == leaves:
            left = self.peaks.pop()[1]
            leaves, root = leaves * 2, sha256(b"\x01" + left + root)
        self.peaks.append((leaves, root))
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256(b"")
        root = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            root = sha256(b"\x01" + left + root)
        return root


def parse_vkey(text):
    name, key_hash, key = text.strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[:1] != b"\x01" or len(key) != 33:
        raise ValueError("not an Ed25519 verifier key")
    key_id = sha256(name.encode() + b"\n" + key)[:4]
    if key_id.hex() != key_hash:
        raise ValueError("the hash in the verifier key is not that of its name and key")
    return name, key_id, Ed25519PublicKey.from_public_bytes(key[1:])


def open_checkpoint(note, vkey, what):
    """(size, root) of a signed checkpoint."""
    name, key_id, key = vkey
    text, separator, signatures = note.rpartition(b"\n\n")
    if not separator or not signatures.endswith(b"\n"):
        raise Bad(f"{what} is not a signed note")
    text += b"\n"
    signed = False
    for line in signatures[:-1].split(b"\n"):
        fields = line.split(b" ")
        if len(fields) != 3 or fields[0] != "\u2014".encode():
            raise Bad(f"{what} has a malformed signature line")
        signature = base64.b64decode(fields[2], validate=True)
        if fields[1] == name.encode() and signature[:4] == key_id:
            try:
                key.verify(signature[4:], text)
            except InvalidSignature:
                raise Bad(f"the signature of {what} does not verify") from None
            signed = True
    if not signed:
        raise Bad(f"{what} is not signed by {name}")
    lines = text.decode().split("\n")
    if lines[0] != name or not re.fullmatch(r"0|[1-9][0-9]*", lines[1]):
        raise Bad(f"{what} is not a checkpoint of {name}")
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


def verify(directory, vkey, older):
    # The checkpoint before the journal, which may be growing.
    anchors = {"the checkpoint": open_checkpoint((directory / "checkpoint").read_bytes(), vkey, "the checkpoint")}
    if older is not None:
        anchors["the older checkpoint"] = open_checkpoint(older.read_bytes(), vkey, "the older checkpoint")

    tree, committed, seen = Tree(), 0, set()

    def compare():
        for what, (size, root) in anchors.items():
            if size == tree.size and what not in seen:
                seen.add(what)
                if root != tree.root():
                    raise Bad(f"the first {size} entries are not those under {what}")

    with (directory / "journal").open("rb") as journal:
        if journal.readline() != MAGIC + vkey[0].encode() + b"\n":
            raise Bad(f"not a journal of {vkey[0]}")
        compare()
        for line in journal:
            if not line.endswith(b"\n"):
                break  # being written, or never finished
            line = line[:-1]
            if commit := COMMIT.fullmatch(line):
                if int(commit[1]) != tree.size or commit[2].decode() != tree.root().hex():
                    raise Bad(f"the commit after entry {tree.size - 1} is not that of the entries before it")
                committed = tree.size
            elif entry := ENTRY.fullmatch(line):
                leaf = sha256(b"\x00" + entry[2])
                if leaf.hex() != entry[1].decode():
                    raise Bad(f"entry {tree.size} is not the one that was hashed")
                tree.push(leaf)
                compare()
            else:
                raise Bad(f"the line after entry {tree.size - 1} is neither entry nor commit")

    for what, (size, _) in anchors.items():
        if size > committed:
            raise Bad(f"entries are missing: {what} covers {size}, there are {committed}")
    return committed, tree, anchors["the checkpoint"][0]


def main(arguments):
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        older = Path(arguments[2]) if len(arguments) == 3 else None
        committed, tree, covered = verify(Path(arguments[0]), parse_vkey(arguments[1]), older)
    except Bad as bad:
        print(f"BAD: {bad}")
        return 1
    except (OSError, ValueError) as error:
        print(f"could not check: {error}", file=sys.stderr)
        return 2
    print(f"good: {committed} entries, {covered} of them under the checkpoint")
    if tree.size == committed:
        print(f"root: {tree.root().hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

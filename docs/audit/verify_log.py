#!/usr/bin/env python3
"""Re-verifies an openfactory audit log without any of its code.

usage: verify_log.py DIRECTORY VKEY [OLDER-CHECKPOINT] [--witness VKEY]...

DIRECTORY holds `journal` and `checkpoint`, or, where a log is published, `tile` and `checkpoint`; VKEY is the log's verifier
key, `name+hash+base64`; OLDER-CHECKPOINT is a copy of an earlier `checkpoint` file that was kept where the log could not
reach it. Each witness, by its own verifier key, has to have cosigned the checkpoint.

Exit status: 0 checked and good, 1 checked and bad, 2 could not check. The formats are in docs/formats/audit-log.md:
RFC 6962 (Merkle tree), c2sp.org/signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature. Needs the `cryptography`
package for Ed25519.
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


LOG, WITNESS = b"\x01", b"\x04"  # types of signatures


def parse_vkey(text, kind=LOG):
    name, key_hash, key = text.strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[:1] != kind or len(key) != 33:
        raise ValueError("not an Ed25519 verifier key of this type")
    key_id = sha256(name.encode() + b"\n" + key)[:4]
    if key_id.hex() != key_hash:
        raise ValueError("the hash in the verifier key is not that of its name and key")
    return name, key_id, Ed25519PublicKey.from_public_bytes(key[1:])


def decode64(text, what):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad(f"{what} has malformed base64") from None


def signatures_of(note, vkey, what):
    """The text of a note, and the signatures that are said to be by this key."""
    name, key_id, _ = vkey
    text, separator, signatures = note.rpartition(b"\n\n")
    if not separator or not signatures.endswith(b"\n"):
        raise Bad(f"{what} is not a signed note")
    text += b"\n"
    found = []
    for line in signatures[:-1].split(b"\n"):
        fields = line.split(b" ")
        if len(fields) != 3 or fields[0] != "\u2014".encode():
            raise Bad(f"{what} has a malformed signature line")
        signature = decode64(fields[2], what)
        if fields[1] == name.encode() and signature[:4] == key_id:
            found.append(signature[4:])
    if not found:
        raise Bad(f"{what} is not signed by {name}")
    return text, found


def check(key, signature, message, what):
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise Bad(f"the signature of {what} does not verify") from None


def cosigned(note, vkey):
    """When a witness cosigned the checkpoint last, in seconds since 1970."""
    what = f"the checkpoint by {vkey[0]}"
    text, found = signatures_of(note, vkey, "the checkpoint")
    for signature in found:
        check(vkey[2], signature[8:], b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8]) + text, what)
    return max(int.from_bytes(signature[:8]) for signature in found)


def open_checkpoint(note, vkey, what):
    """(size, root) of a signed checkpoint."""
    name = vkey[0]
    text, found = signatures_of(note, vkey, what)
    for signature in found:
        check(vkey[2], signature, text, what)
    lines = text.split(b"\n")[:-1]
    if len(lines) < 3 or lines[0] != name.encode() or not re.fullmatch(rb"0|[1-9][0-9]{0,19}", lines[1]):
        raise Bad(f"{what} is not a checkpoint of {name}")
    root = decode64(lines[2], what)
    if len(root) != 32:
        raise Bad(f"the root in {what} has {len(root)} bytes, not 32")
    return int(lines[1]), root


def verify(directory, vkey, older, note):
    # The checkpoint before the journal, which may be growing.
    anchors = {"the checkpoint": open_checkpoint(note, vkey, "the checkpoint")}
    if older is not None:
        anchors["the older checkpoint"] = open_checkpoint(older.read_bytes(), vkey, "the older checkpoint")

    tree, seen = Tree(), set()

    def compare():
        for what, (size, root) in anchors.items():
            if size == tree.size and what not in seen:
                seen.add(what)
                if root != tree.root():
                    raise Bad(f"the first {size} entries are not those under {what}")

    def add(leaf):
        tree.push(leaf)
        compare()

    if not (directory / "journal").exists() and (directory / "tile").exists():
        compare()
        verify_tiles(directory, anchors["the checkpoint"][0], add)
        committed = tree.size
    else:
        committed = verify_journal(directory, vkey, tree, compare)
    for what, (size, _) in anchors.items():
        if size > committed:
            raise Bad(f"entries are missing: {what} covers {size}, there are {committed}")
    return committed, tree, anchors["the checkpoint"][0]


def verify_tiles(directory, size, add):
    """Every tile is what the entries make of it; each entry's hash is added in its turn."""

    def read(level, index, width):
        groups = [f"{index % 1000:03}"]
        while index := index // 1000:
            groups.insert(0, f"x{index % 1000:03}")
        path = directory / "tile" / level / "/".join(groups)
        partial = path.parent / f"{path.name}.p" / str(width)
        try:
            return (path if width == 256 or not partial.exists() else partial).read_bytes()
        except FileNotFoundError:
            raise Bad(f"tile {level}/{index} is missing") from None

    level, below = 0, None
    while size >> (8 * level):
        hashes, count = [], size >> (8 * level)
        for index in range((count + 255) // 256):
            width = min(256, count - index * 256)
            if below is None:
                expected, bundle = [], read("entries", index, width)
                for _ in range(width):
                    length = int.from_bytes(bundle[:2])
                    if len(bundle) < 2 + length:
                        raise Bad(f"the entries from {index * 256} on end too early")
                    expected.append(sha256(b"\x00" + bundle[2 : 2 + length]))
                    bundle = bundle[2 + length :]
                if width == 256 and bundle:
                    raise Bad(f"something follows the entries from {index * 256} on")
                for leaf in expected:
                    add(leaf)
            else:
                expected = below[index * 256 : index * 256 + width]
            if read(str(level), index, width)[: 32 * width] != b"".join(expected):
                raise Bad(f"tile {index} of level {level} is not that of what is below it")
            if width == 256:
                tree = Tree()
                for node in expected:
                    tree.push(node)
                hashes.append(tree.root())
        level, below = level + 1, hashes


def verify_journal(directory, vkey, tree, compare):
    """How many entries are committed; each one's hash is added to the tree."""
    committed = 0
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
    return committed


def main(arguments):
    witnesses = []
    while "--witness" in arguments[:-1]:
        at = arguments.index("--witness")
        witnesses.append(arguments[at + 1])
        del arguments[at : at + 2]
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        older = Path(arguments[2]) if len(arguments) == 3 else None
        note = (Path(arguments[0]) / "checkpoint").read_bytes()
        times = [(key[0], cosigned(note, key)) for key in (parse_vkey(text, WITNESS) for text in witnesses)]
        committed, tree, covered = verify(Path(arguments[0]), parse_vkey(arguments[1]), older, note)
    except Bad as bad:
        print(f"BAD: {bad}")
        return 1
    except (OSError, ValueError) as error:
        print(f"could not check: {error}", file=sys.stderr)
        return 2
    print(f"good: {committed} entries, {covered} of them under the checkpoint")
    if tree.size == committed:
        print(f"root: {tree.root().hex()}")
    for name, seconds in times:
        print(f"cosigned by {name} at {seconds} seconds since 1970")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""SPDX by spdx-tools, which shares no code with the crate.

spdx.py FILE...   validates each against SPDX 2.3, and prints what it is understood to say, as JSON
"""

import json
import sys

from spdx_tools.spdx.model import RelationshipType, SpdxNoAssertion
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def judge(file):
    try:
        document = parse_file(file)
    except SPDXParsingError as error:
        return {"faults": error.get_messages()}
    faults = [message.validation_message for message in validate_full_spdx_document(document, "SPDX-2.3")]
    (described,) = [
        relation.related_spdx_element_id
        for relation in document.relationships
        if relation.relationship_type == RelationshipType.DESCRIBES
    ]
    subject = next(package for package in document.packages if package.spdx_id == described)
    contained = {
        relation.related_spdx_element_id
        for relation in document.relationships
        if relation.relationship_type == RelationshipType.CONTAINS and relation.spdx_element_id == subject.spdx_id
    }
    return {
        "faults": faults,
        "subject": subject.name,
        "sha256": [checksum.value for checksum in subject.checksums],
        "packages": {
            reference.locator: [package.version, package.supplier.name if package.supplier else None]
            for package in document.packages
            if package.spdx_id in contained
            for reference in package.external_references
        },
        "licenses": {
            package.name: str(package.license_declared)
            for package in document.packages
            if not isinstance(package.license_declared, (SpdxNoAssertion, type(None)))
        },
        "annotations": [
            annotation.annotation_comment
            for annotation in document.annotations
            if annotation.annotation_comment.startswith("openfactory:")
        ],
        "contained": len(contained),
    }


if __name__ == "__main__":
    json.dump([judge(file) for file in sys.argv[1:]], sys.stdout)

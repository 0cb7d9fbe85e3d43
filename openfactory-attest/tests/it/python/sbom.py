"""CycloneDX by cyclonedx-python-lib, and package URLs by packageurl-python; neither shares code with the crate.

sbom.py validate FILE...   prints which files are valid CycloneDX 1.6, as JSON (0.05 s for each package)
sbom.py read FILE          prints what the file is understood to say, as JSON
"""

import json
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def validate(texts):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    json.dump([validator.validate_str(text) is None for text in texts], sys.stdout)


def read(texts):
    (text,) = texts
    raw = json.loads(text)
    bom = Bom.from_json(raw)
    bom.validate()
    packages = {}
    for component in raw["components"]:
        if "purl" in component:
            purl = PackageURL.from_string(component["purl"])
            assert purl.to_string() == component["purl"], (purl.to_string(), component["purl"])
            assert (purl.name, purl.version) == (component["name"].lower(), component["version"])
            assert purl.type in ("deb", "apk"), purl.type
            packages[f"{purl.name}:{purl.qualifiers['arch']}"] = purl.version
    summary = {
        "serial": bom.serial_number.urn,
        "components": len(bom.components),
        "subject": bom.metadata.component.name,
        "sha256": [hash.content for hash in bom.metadata.component.hashes],
        "packages": packages,
    }
    json.dump(summary, sys.stdout)


if __name__ == "__main__":
    {"validate": validate, "read": read}[sys.argv[1]]([Path(name).read_text(encoding="utf-8") for name in sys.argv[2:]])

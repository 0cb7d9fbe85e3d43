"""in-toto statements by in-toto-attestation, which shares no code with the crate.

statement.py FILE...   prints a line for each: the predicate's type, or what is wrong. SLSA provenance is read as such too.
"""

import json
import sys

from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message


def read(text):
    # Unknown members of a statement, or of provenance, are refused.
    message = json_format.Parse(text, Message())
    Statement.copy_from_pb(message).validate()
    if message.predicate_type == "https://slsa.dev/provenance/v1":
        predicate = json.dumps(json_format.MessageToDict(message.predicate))
        provenance = json_format.Parse(predicate, Provenance())
        if not provenance.build_definition.build_type or not provenance.run_details.builder.id:
            raise ValueError("SLSA asks for a build type and a builder")
    return message.predicate_type


for name in sys.argv[1:]:
    with open(name) as file:
        try:
            print(read(file.read()))
        except (ValueError, json_format.ParseError) as error:
            print("wrong:", str(error).replace("\n", " "))

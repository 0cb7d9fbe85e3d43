"""Validates JSON files against a schema: schema.py SCHEMA FILE... prints a line for each, `valid` or what is wrong."""

import json
import sys

from jsonschema import Draft202012Validator

schema, *files = sys.argv[1:]
with open(schema) as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for name in files:
    with open(name) as file:
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.load(file))]
    print(json.dumps(errors[0]) if errors else "valid")

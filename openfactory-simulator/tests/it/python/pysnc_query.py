"""ServiceNow's own Python client asks by every operator, joins, related lists and display modes: BASE_URL USER PASSWORD."""

import sys

from pysnc import ServiceNowClient

base_url, user, password = sys.argv[1:4]
client = ServiceNowClient(base_url, (user, password))


def insert(table, **values):
    record = client.GlideRecord(table)
    record.initialize()
    for name, value in values.items():
        setattr(record, name, value)
    assert record.insert()
    return record.sys_id


def found(prepare):
    record = client.GlideRecord("incident")
    prepare(record)
    record.order_by("correlation_id")
    record.query()
    return " ".join(str(row.correlation_id) for row in record)


problem = insert("problem", short_description="P")
first = insert("incident", correlation_id="a", short_description="Alpha disk", impact=1, urgency=2)
insert("incident", correlation_id="b", short_description="beta DISK", impact=2, urgency=2, parent_incident=first)
insert("incident", correlation_id="c", impact=3, urgency=2, parent_incident=first, problem_id=problem)

for field, operator, value, expected in (
    ("correlation_id", "=", "b", "b"),
    ("correlation_id", "!=", "a", "b c"),
    ("correlation_id", "IN", "a,c", "a c"),
    ("correlation_id", "NOT IN", "a,c", "b"),
    ("short_description", "LIKE", "disk", "a b"),
    ("short_description", "CONTAINS", "disk", "a b"),
    ("short_description", "NOT LIKE", "disk", "c"),
    ("short_description", "STARTSWITH", "beta", "b"),
    ("short_description", "ENDSWITH", "disk", "a b"),
    ("impact", "<", "2", "a"),
    ("impact", "<=", "2", "a b"),
    ("impact", ">", "2", "c"),
    ("impact", ">=", "2", "b c"),
    ("impact", "BETWEEN", "2@3", "b c"),
    ("impact", "SAMEAS", "urgency", "b"),
    ("impact", "NSAMEAS", "urgency", "a c"),
    ("impact", "GT_FIELD", "urgency", "c"),
    ("impact", "LT_OR_EQUALS_FIELD", "urgency", "a b"),
    ("sys_class_name", "INSTANCEOF", "task", "a b c"),
):
    answer = found(lambda record: record.add_query(field, operator, value))
    assert answer == expected, (field, operator, value, answer)

assert found(lambda record: record.add_null_query("short_description")) == "c"
assert found(lambda record: record.add_not_null_query("short_description")) == "a b"
assert found(lambda record: record.add_active_query()) == "a b c"
assert found(lambda record: record.add_rl_query("incident", "parent_incident", ">=2", True)) == "a"
assert found(lambda record: record.add_join_query("problem", "problem_id", "sys_id")) == "c"
assert found(lambda record: record.add_encoded_query("impact=1^NQimpact=3")) == "a c"

shown = client.GlideRecord("incident")
shown.fields = "sys_id,state,parent_incident,parent_incident.number"
assert shown.get("correlation_id", "b")
assert shown.get_display_value("state") == "New" and shown.get_value("state") == "1"
assert shown.get_display_value("parent_incident") == shown.get_value("parent_incident.number")

gone = client.GlideRecord("incident")
gone.add_query("correlation_id", "IN", "b,c")
gone.query()
assert gone.delete_multiple()
assert found(lambda record: None) == "a"
print("all passed")

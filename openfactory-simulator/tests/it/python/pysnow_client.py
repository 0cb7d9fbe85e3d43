"""pysnow against the simulator: BASE_URL USER PASSWORD."""

import sys
import tempfile

import pysnow

base_url, user, password = sys.argv[1:4]
client = pysnow.Client(host=base_url.split("://")[1], user=user, password=password)
incidents = client.resource(api_path="/table/incident")

made = incidents.create(payload={"short_description": "x", "impact": 1, "urgency": 1}).one()
assert made["priority"] == "1" and made["number"].startswith("INC"), made
for count in range(25):
    incidents.create(payload={"short_description": f"n{count}", "state": count % 3 + 1})

query = (
    pysnow.QueryBuilder()
    .field("short_description").starts_with("n")
    .AND().field("state").equals(["1", "2"])
    .AND().field("number").order_descending()
)
rows = incidents.get(query=query, fields=["number", "state"]).all()
numbers = [row["number"] for row in rows]
assert len(rows) == 17 and numbers == sorted(numbers, reverse=True), numbers
for prepare, expected in (
    (lambda field: field("state").equals("3"), 8),
    (lambda field: field("state").not_equals("3"), 18),
    (lambda field: field("short_description").contains("n1"), 11),
    (lambda field: field("short_description").not_contains("n"), 1),
    (lambda field: field("short_description").ends_with("4"), 3),
    (lambda field: field("assigned_to").is_empty(), 26),
    (lambda field: field("short_description").is_not_empty(), 26),
    (lambda field: field("state").greater_than(2), 8),
    (lambda field: field("state").less_than(2), 10),
    (lambda field: field("state").between(2, 3), 16),
):
    count = len(incidents.get(query=prepare(pysnow.QueryBuilder().field)).all())
    assert count == expected, (count, expected)

pages = incidents.get(query="short_descriptionSTARTSWITHn^ORDERBYnumber", limit=10, offset=10).all()
assert [row["short_description"] for row in pages] == [f"n{count}" for count in range(10, 20)]
streamed = incidents.get(query="ORDERBYnumber", stream=True)
assert len(list(streamed.all())) == 26

updated = incidents.update(query={"number": made["number"]}, payload={"state": "2"}).one()
assert updated["state"] == "2"
with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    file.write(b"hello")
    file.flush()
    incidents.attachments.upload(sys_id=made["sys_id"], file_path=file.name)
assert len(incidents.attachments.get(sys_id=made["sys_id"])) == 1
assert incidents.delete(query={"number": made["number"]})["status"] == "record deleted"
try:
    incidents.get(query={"number": made["number"]}).one()
except pysnow.exceptions.NoResults:
    print("all passed")

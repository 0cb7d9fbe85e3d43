"""ServiceNow's own Python client against the simulator: BASE_URL CLIENT_ID CLIENT_SECRET."""

import sys

from pysnc import ServiceNowClient
from pysnc.auth import ServiceNowClientCredentialsFlow
from pysnc.exceptions import RequestException, RoleException

base_url, client_id, client_secret = sys.argv[1:4]
client = ServiceNowClient(base_url, ServiceNowClientCredentialsFlow(client_id, client_secret))


def incident(**values):
    record = client.GlideRecord("incident")
    record.initialize()
    for name, value in values.items():
        setattr(record, name, value)
    return record


made = incident(short_description="a disk is full", impact=1, urgency=1, no_such_field="x")
sys_id = made.insert()
assert sys_id and made.number == "INC0010001", made.number
assert made.priority == "1" and made.get_display_value("state") == "New"

again = client.GlideRecord("incident")
assert again.get(sys_id)
again.state = 2
assert again.update() == sys_id
assert again.get_value("state") == "2" and again.get_display_value("state") == "In Progress"

for count in range(25):
    assert incident(short_description=f"n{count}").insert()
paged = client.GlideRecord("incident", batch_size=10)
paged.add_query("short_description", "STARTSWITH", "n")
paged.order_by_desc("number")
paged.query()
numbers = [record.get_value("number") for record in paged]
assert paged.get_row_count() == 25 and len(set(numbers)) == 25
assert numbers == sorted(numbers, reverse=True)

either = client.GlideRecord("incident")
either.add_query("priority", "1").add_or_condition("short_description", "n3")
either.query()
assert either.get_row_count() == 2

users = client.GlideRecord("sys_user")
users.add_query("user_name", "admin")
users.query()
assert users.next() and users.sys_id == "6816f79cc0a8016401c5a33be04be441"

assert again.add_attachment("a.txt", b"hello", "text/plain")
found = [(attachment.file_name, attachment.read()) for attachment in again.get_attachments()]
assert found == [("a.txt", b"hello")], found

wished = "ab" * 16
assert incident(sys_id=wished).insert() == wished
for attempt, refused in (
    (lambda: incident(sys_id=wished).insert(), RoleException),
    (lambda: client.GlideRecord("no_such_table").query(), RequestException),
    (lambda: again.delete(), RoleException),
):
    try:
        attempt()
    except refused:
        continue
    raise AssertionError(f"{refused.__name__} was expected")

gone = client.GlideRecord("incident")
assert not gone.get("0" * 32)
print("all passed")

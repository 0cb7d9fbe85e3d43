"""Python's clients at the work of the benchmark: WORK CLIENT BASE_URL COUNT. Prints the seconds that it took."""

import sys
import time

RUNS_ON = "60bc4e22c0a8010e01f074cbe6bd73c3"
PAGE = 500


def pysnc(base_url):
    """A client without TLS, which PySNC takes only from a session that has it done for it."""
    import requests
    from pysnc import ServiceNowClient
    from requests.adapters import HTTPAdapter

    class Plain(HTTPAdapter):
        def send(self, request, **options):
            request.url = request.url.replace("https:", "http:", 1)
            return super().send(request, **options)

    session = requests.Session()
    session.auth = ("svc", "x")
    session.mount("https://", Plain())
    return ServiceNowClient(base_url.replace("http:", "https:", 1), session, auto_retry=False)


def list_by_pysnc(base_url, count):
    record = pysnc(base_url).GlideRecord("incident", batch_size=PAGE, rewindable=False)
    record.order_by("sys_id")
    record.query()
    weight = 0
    while record.next():
        weight += int(record.get_value("priority")) + bool(record.get_value("opened_at"))
    assert weight == 4 * count, weight


def list_by_pysnow(base_url, count):
    import pysnow

    client = pysnow.Client(host=base_url.split("://")[1], use_ssl=False, user="svc", password="x")
    incidents = client.resource(api_path="/table/incident", chunk_size=PAGE)
    weight = seen = 0
    while True:
        rows = incidents.get(query="ORDERBYsys_id", limit=PAGE, offset=seen).all()
        if not rows:
            break
        weight += sum(int(row["priority"]) + bool(row["opened_at"]) for row in rows)
        seen += len(rows)
    assert weight == 4 * count, weight


def fleet_by_pysnc(base_url, count):
    client = pysnc(base_url)

    def insert(table, **values):
        record = client.GlideRecord(table)
        record.initialize()
        for name, value in values.items():
            setattr(record, name, value)
        sys_id = record.insert()
        assert sys_id
        return sys_id

    images = [insert("cmdb_ci_os_image", name=f"cmdb_ci_os_image {n}") for n in range(10)]
    sites = [insert("cmdb_ci_server", name=f"cmdb_ci_server {n}") for n in range(5)]
    for n in range(count):
        device = insert("cmdb_ci_server", name=f"edge-{n:05}", os_version="1")
        for other in (images[n % 10], sites[n % 5]):
            insert("cmdb_rel_ci", parent=device, child=other, type=RUNS_ON)


work, client, base_url, count = sys.argv[1:5]
perform = globals()[f"{work}_by_{client}"]
start = time.perf_counter()
perform(base_url, int(count))
print(time.perf_counter() - start)

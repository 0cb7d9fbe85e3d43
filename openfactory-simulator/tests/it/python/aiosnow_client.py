"""aiosnow against the simulator: BASE_URL USER PASSWORD."""

import asyncio
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

import aiosnow
from aiosnow.exceptions import DeleteError, RequestError
from aiosnow.models.table.declared import IncidentModel
from aiosnow.query import select

base_url, user, password = sys.argv[1:4]


async def found(incidents, selection):
    """The correlation ids of what matches among this test's own records, in order."""
    query = select(selection).sysparms
    own = "correlation_idSTARTSWITHaio-^ORDERBYcorrelation_id"
    response = await incidents.get(f"{query}^{own}" if query else own)
    return " ".join(row["correlation_id"].removeprefix("aio-") for row in response)


async def main():
    client = aiosnow.Client(base_url.split("://")[1], basic_auth=(user, password))
    async with IncidentModel(client, table_name="incident") as incidents:
        made = (await incidents.create({
            "correlation_id": "aio-a", "short_description": "Alpha disk", "impact": 1, "urgency": 2,
            "opened_at": "2020-01-01 10:00:00", "caller_id": "6816f79cc0a8016401c5a33be04be441",
        })).data
        assert made["number"].startswith("INC") and made["impact"].key == 1, made
        assert made["priority"].key == 2 and made["priority"].value == "2 - High", made["priority"]
        assert made["active"] is True and made["sys_mod_count"] == 0, made
        await incidents.create({
            "correlation_id": "aio-b", "short_description": "beta DISK", "impact": 2, "urgency": 2,
            "opened_at": "2020-01-02 10:00:00", "reopen_count": 2,
        })
        await incidents.create({
            "correlation_id": "aio-c", "impact": 3, "urgency": 2, "opened_at": "2020-01-03 10:00:00",
        })

        I = IncidentModel
        text, count, date = I.short_description, I.reopen_count, I.opened_at
        for selection, expected in (
            (I.correlation_id.equals("aio-b"), "b"),
            (I.correlation_id == "aio-b", "b"),
            (I.correlation_id.not_equals("aio-b"), "a c"),
            (I.correlation_id.in_list(["aio-a", "aio-c"]), "a c"),
            (I.correlation_id.not_in_list(["aio-a", "aio-c"]), "b"),
            (I.correlation_id >= "aio-b", "b c"),
            (I.correlation_id.less_or_equals("aio-b"), "a b"),
            (I.correlation_id.between("aio-b", "aio-c"), "b c"),
            (text.contains("disk"), "a b"),
            (text.not_contains("disk"), "c"),
            (text.starts_with("beta"), "b"),
            (text.ends_with("disk"), "a b"),
            (text.is_empty(), "c"),
            (text.is_populated(), "a b"),
            (text.is_anything(), "a b c"),
            (count.equals(2), "b"),
            (count.not_equals(2), "a c"),
            (count < 2, "a c"),
            (count <= 2, "a b c"),
            (count.greater_than(1), "b"),
            (count.greater_or_equals(0), "a b c"),
            (count.between(1, 3), "b"),
            (I.impact.equals(I.urgency), "b"),
            (I.impact.not_equals(I.urgency), "a c"),
            (I.impact.greater_than(I.urgency), "c"),
            (I.impact.less_than(I.urgency), "a"),
            (I.impact.greater_or_equals(I.urgency), "b c"),
            # This client misspells the operator: the term is dropped, which widens.
            (I.impact.less_or_equals(I.urgency), "a b c"),
            (I.active.is_true(), "a b c"),
            (I.active.is_falsy(), ""),
            (date.on("one day@2020-01-02 00:00:00@2020-01-02 23:59:59"), "b"),
            (date.not_on("one day@2020-01-02 00:00:00@2020-01-02 23:59:59"), "a c"),
            (date.before("2020-01-02 10:00:00"), "a"),
            (date.after("2020-01-02 10:00:00"), "c"),
            (date.until("2020-01-02 10:00:00"), "a b"),
            (date.as_of("2020-01-02 10:00:00"), "b c"),
            (date.between("2020-01-01 12:00:00", "2020-01-02 12:00:00"), "b"),
            (text.starts_with("Alpha") | text.starts_with("beta"), "a b"),
            ((I.impact == 2) & (I.urgency == 2), "b"),
        ):
            answer = await found(incidents, selection)
            assert answer == expected, (select(selection).sysparms, answer, expected)
        either = (I.correlation_id == "aio-a") ^ (I.correlation_id == "aio-c")
        both = [row["correlation_id"] async for _, row in incidents.stream(select(either).order_desc("correlation_id"))]
        assert both == ["aio-c", "aio-a"], both

        await asyncio.gather(*(incidents.create({"correlation_id": f"aio-p{n:02}"}) for n in range(25)))
        query = "correlation_idSTARTSWITHaio-p^ORDERBYcorrelation_id"
        streamed = [row["correlation_id"] async for _, row in incidents.stream(query, page_size=10)]
        assert streamed == [f"aio-p{n:02}" for n in range(25)], streamed
        page = await incidents.get(query, limit=5, offset=20)
        assert [row["correlation_id"] for row in page][0] == "aio-p20", page.data

        updated = await incidents.update(I.correlation_id == "aio-b", {"state": 2, "short_description": "changed"})
        assert updated["state"].value == "In Progress" and updated["sys_mod_count"] == 1, updated.data
        same = await incidents.get_one(I.number == updated["number"])
        assert same["short_description"] == "changed", same.data

        with tempfile.TemporaryDirectory() as directory:
            source = f"{directory}/report.txt"
            with open(source, "wb") as file:
                file.write(b"hello \xff")
            attached = await incidents.upload_file(made["sys_id"], source)
            assert attached["file_name"] == "report.txt" and attached["size_bytes"] == 7, attached.data
            listed = await incidents.get_attachment(f"table_sys_id={made['sys_id']}")
            assert listed["hash"] == attached["hash"] and listed["content_type"] == "text/plain", listed.data
            await incidents.download_file(f"sys_id={attached['sys_id']}", f"{directory}/got")
            with open(f"{directory}/got/report.txt", "rb") as file:
                assert file.read() == b"hello \xff"

        assert (await incidents.delete(I.correlation_id == "aio-a")).status == 204
        try:
            await incidents.delete(I.correlation_id == "aio-a")
            raise AssertionError("a record that is gone was deleted")
        except DeleteError:
            pass
        try:
            await incidents.update(made["sys_id"], {"state": 2})
            raise AssertionError("a record that is gone was changed")
        except RequestError as error:
            assert error.status == 404 and "No Record found" in str(error), error
    print("all passed")


asyncio.run(main())

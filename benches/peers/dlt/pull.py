"""Pulls every user of a simulated Zoom account into SQLite with dlt: its REST client and paginator,
and a merge on the user's id. Started by benches/download: pull.py ACCOUNT FOLDER; tells the seconds,
the peak memory and the rows in the table as one line of JSON."""

import json
import os
import resource
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
account, folder = json.loads(sys.argv[1]), sys.argv[2]
os.environ["DLT_DATA_DIR"] = os.path.join(folder, "dlt")

import dlt  # noqa: E402: it reads the environment as it starts
import requests  # noqa: E402
from dlt.sources.helpers.rest_client import RESTClient  # noqa: E402
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth  # noqa: E402
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator  # noqa: E402


def token():
    answer = requests.post(
        account["token_url"],
        auth=(account["client_id"], account["client_secret"]),
        data={"grant_type": "account_credentials", "account_id": account["account_id"]},
        timeout=60,
    )
    answer.raise_for_status()
    return answer.json()["access_token"]


@dlt.resource(name="users", write_disposition="merge", primary_key="id", max_table_nesting=0)
def users():
    client = RESTClient(base_url=account["url"], auth=BearerTokenAuth(token()))
    for status in ("active", "inactive", "pending"):
        paginator = JSONResponseCursorPaginator("next_page_token", cursor_param="next_page_token")
        for page in client.paginate(
            "users",
            params={"status": status, "page_size": 300},
            paginator=paginator,
            data_selector="users",
        ):
            # Invitations have no id.
            yield [{**user, "id": user.get("id") or user["email"]} for user in page]


started = time.monotonic()
pipeline = dlt.pipeline(
    "zoom",
    destination=dlt.destinations.sqlalchemy(f"sqlite:///{folder}/users.db"),
    dataset_name="zoom",
)
pipeline.run(users())
seconds = time.monotonic() - started
with pipeline.sql_client() as client:
    rows = client.execute_sql("SELECT count(*) FROM users")[0][0]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak_mib": peak, "rows_written": rows}))

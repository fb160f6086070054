"""Pushes with pysnow as its users do: a resource, `create`. Arguments: socket, records as JSON. Prints what pysnow
returns for each API path, and what it raises for a path that there is not."""

import json
import sys
from urllib.parse import quote

import pysnow
import requests_unixsocket
from requests.exceptions import HTTPError

socket, records = sys.argv[1], json.loads(sys.argv[2])
client = pysnow.Client(host="localhost", session=requests_unixsocket.Session(), use_ssl=False)
client.base_url = "http+unix://" + quote(socket, safe="")

answers = []
for version in ("", "/v1", "/v2"):
    resource = client.resource(api_path=f"{version}/sam_software_usage_integration/createOrUpdate")
    answers.append(resource.create(payload={"items": records}).one())
try:
    client.resource(api_path="/sam_software_usage_integration/upsert").create(payload={"items": records}).one()
except HTTPError as error:
    answers.append({"status": error.response.status_code, "body": error.response.json()})
json.dump(answers, sys.stdout)

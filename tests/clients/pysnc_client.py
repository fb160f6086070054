"""Pushes with pysnc, whose session carries the peer's credentials and no password. Arguments: socket, records as JSON.
Prints the answers to a good request and to a path that there is not, as pysnc's users get them."""

import json
import sys
from urllib.parse import quote

import requests_unixsocket
from pysnc import ServiceNowClient
from pysnc.exceptions import RequestException
from requests import Request

PATH = "/api/now/sam_software_usage_integration/createOrUpdate"
socket, records = sys.argv[1], json.loads(sys.argv[2])
session = requests_unixsocket.Session()
client = ServiceNowClient("http+unix://" + quote(socket, safe=""), session, auto_retry=False)

answers = [client.session.post(client.instance + PATH, json={"items": records}).json()]
# The way its own calls go, which look at the status.
request = Request("POST", client.instance + PATH, json={"items": records})
answers.append(client.table_api._send(request).json())
try:
    client.table_api._send(Request("POST", client.instance + "/api/now/nothing", json={}))
except RequestException as error:
    answers.append({"raised": str(error)})
json.dump(answers, sys.stdout)

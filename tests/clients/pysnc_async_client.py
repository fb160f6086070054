"""Pushes with pysnc.asyncio over httpx: several requests at once on kept connections. Arguments: socket, records as
JSON, one request each. Prints the answers in that order."""

import asyncio
import json
import sys

import httpx
from pysnc.asyncio import AsyncServiceNowClient

PATH = "/api/now/sam_software_usage_integration/createOrUpdate"


async def main(socket, records):
    transport = httpx.AsyncHTTPTransport(uds=socket)
    async with httpx.AsyncClient(base_url="http://localhost", transport=transport) as session:
        client = AsyncServiceNowClient("https://localhost", session)
        answers = await asyncio.gather(*(client.session.post(PATH, json={"items": [record]}) for record in records))
        for answer in answers:
            answer.raise_for_status()
        return [answer.json() for answer in answers]


json.dump(asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]))), sys.stdout)

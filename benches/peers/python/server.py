"""Upserts usage records over a unix socket with FastAPI, uvicorn and sqlite3, one transaction per
request, synchronous=FULL. Started by benches/usage: server.py SOCKET DATABASE"""

import hashlib
import sqlite3
import sys
import time

import uvicorn
from fastapi import FastAPI, Request

socket, file = sys.argv[1:]
database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -8000",
               "wal_autocheckpoint = 20000"):
    database.execute(f"PRAGMA {pragma}")
FIND = """SELECT 1 FROM usage_record
    WHERE configuration_item = ? AND norm_product = ? AND period = ? AND key_user = x''"""
PUT = """INSERT INTO usage_record (configuration_item, norm_product, period, key_user, month_used,
        year, usage_count, total_usage_time, created_at, updated_at)
    VALUES (?, ?, ?, x'', ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET usage_count = excluded.usage_count,
        total_usage_time = excluded.total_usage_time, updated_at = excluded.updated_at"""
app = FastAPI()


@app.post("/api/now/sam_software_usage_integration/createOrUpdate")
async def create_or_update(request: Request):
    body = await request.json()
    reply = []
    database.execute("BEGIN IMMEDIATE")
    for item in body["items"]:
        host = bytes.fromhex(item["configuration_item"])
        product = bytes.fromhex(item["norm_product"])
        period = item["year"] * 100 + item["month_used"]
        known = database.execute(FIND, (host, product, period)).fetchone()
        now = int(time.time() * 1000)
        database.execute(PUT, (host, product, period, item["month_used"], item["year"],
                               item["usage_count"], item["total_usage_time"], now, now))
        sys_id = hashlib.sha256(host + product + str(period).encode()).hexdigest()[:32]
        reply.append({**item, "sysId": sys_id, "status": "UPDATE" if known else "INSERT"})
    database.execute("COMMIT")
    return {"result": {"reply": {"items": reply}, "message": "Ok"}}


uvicorn.run(app, uds=socket, log_level="warning", access_log=False)

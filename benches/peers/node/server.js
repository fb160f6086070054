// Upserts usage records over a unix socket with node:http and better-sqlite3, one transaction per
// request, synchronous=FULL. Started by benches/usage: server.js SOCKET DATABASE
'use strict';
const http = require('node:http');
const path = require('node:path');
const { createHash } = require('node:crypto');
// The module lies in the build folder, this file in the sources.
const Database = require(path.join(process.env.NODE_PEER_MODULES, 'better-sqlite3'));

const [socket, file] = process.argv.slice(2);
const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.pragma('cache_size = -8000');
database.pragma('wal_autocheckpoint = 20000');
const find = database.prepare(
  `SELECT 1 FROM usage_record
   WHERE configuration_item = ? AND norm_product = ? AND period = ? AND key_user = x''`);
const put = database.prepare(
  `INSERT INTO usage_record (configuration_item, norm_product, period, key_user, month_used, year,
       usage_count, total_usage_time, created_at, updated_at)
   VALUES (?, ?, ?, x'', ?, ?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET usage_count = excluded.usage_count,
       total_usage_time = excluded.total_usage_time, updated_at = excluded.updated_at`);
const upsert = database.transaction((items) => items.map((item) => {
  const host = Buffer.from(item.configuration_item, 'hex');
  const product = Buffer.from(item.norm_product, 'hex');
  const period = item.year * 100 + item.month_used;
  const known = find.get(host, product, period);
  const now = Date.now();
  put.run(host, product, period, item.month_used, item.year, item.usage_count,
    item.total_usage_time, now, now);
  const sysId = createHash('sha256').update(host).update(product).update(String(period))
    .digest('hex').slice(0, 32);
  return { ...item, sysId, status: known ? 'UPDATE' : 'INSERT' };
}));

http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { items } = JSON.parse(Buffer.concat(chunks));
    const reply = { items: upsert.immediate(items) };
    const body = Buffer.from(JSON.stringify({ result: { reply, message: 'Ok' } }));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
}).listen(socket);

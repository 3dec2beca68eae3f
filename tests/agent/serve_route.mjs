// SPDX-License-Identifier: GPL-3.0-or-later
// Serves one compiled route handler of the example: serve_route.mjs FOLDER ROUTE; prints its port.
// The creator comes from headers here, where the application has its session.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [folder, route] = process.argv.slice(2);
const load = createRequire(`${folder}/`);
load('./lib/session.js').session.creator = async (request) => {
  const id = request.headers.get('x-creator');
  return id && { id, plan: request.headers.get('x-plan') };
};
const handlers = load(`./app/api/${route}/route.js`);

createServer(async (incoming, outgoing) => {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  try {
    const response = await handlers[incoming.method](new Request(`http://app${incoming.url}`, {
      method: incoming.method, headers: incoming.headers, ...(parts.length ? { body: Buffer.concat(parts) } : {}) }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
  } catch (error) {
    outgoing.writeHead(500, { 'Content-Type': 'application/json' }).end(JSON.stringify({ thrown: error.message }));
  }
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });

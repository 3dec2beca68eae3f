// SPDX-License-Identifier: GPL-3.0-or-later
// Prints what node-postgres reads from each URL on standard input: a JSON object a line.
import { createInterface } from "node:readline";
import { parse } from "pg-connection-string";

for await (const line of createInterface({ input: process.stdin })) {
  const { host, port, user, password, database, ssl } = parse(JSON.parse(line));
  console.log(JSON.stringify({ host, port, user, password, database, ssl: Boolean(ssl) }));
}

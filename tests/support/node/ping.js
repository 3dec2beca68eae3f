// SPDX-License-Identifier: GPL-3.0-or-later
// Connects once for each line of standard input, as {client, host, port, password, ca} say, and prints what PING
// answered or why not.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

async function ping({ client, host, port, password, ca }) {
  const { Redis } = await import(client);
  const redis = new Redis({
    host,
    port,
    password,
    tls: ca ? { ca: readFileSync(ca) } : undefined,
    connectTimeout: 1000,
    commandTimeout: 1000,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  });
  let reason;
  redis.on("error", (error) => (reason ??= error));
  try {
    await redis.connect();
    return { answer: await redis.ping() };
  } catch (error) {
    const { code = "", message } = reason ?? error;
    return { code, message };
  } finally {
    redis.disconnect();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await ping(JSON.parse(line))));
}

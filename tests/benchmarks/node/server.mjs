// SPDX-License-Identifier: GPL-3.0-or-later
// node http and rate-limiter-flexible: a fixed window, so up to twice the limit in an hour.
import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

const credential = Buffer.from(`Bearer ${process.env.TOKEN}`);
const storeClient = new Redis({ port: Number(process.env.REDIS_PORT), enableAutoPipelining: true });
const limits = { starter: 50, pro: 100, business: 500 };
const limiters = Object.fromEntries(Object.entries(limits).map(([plan, points]) => [
  plan, new RateLimiterRedis({ storeClient, keyPrefix: `node:${plan}`, points, duration: 3600 })]));

function answer(response, status, plan, result) {
  const reset = Math.ceil(result.msBeforeNext / 1000);
  const body = JSON.stringify({ allowed: status === 200, limits: [{ name: 'hour', remaining: result.remainingPoints, reset }] });
  response.writeHead(status, {
    'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body),
    'RateLimit-Policy': `"hour";q=${limits[plan]};w=3600`, RateLimit: `"hour";r=${result.remainingPoints};t=${reset}` });
  response.end(body);
}

createServer((request, response) => {
  const given = Buffer.from(request.headers.authorization ?? '');
  if (given.length !== credential.length || !timingSafeEqual(given, credential)) {
    response.writeHead(401).end();
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (part) => { body += part; }).on('end', async () => {
    const { subject, plan, cost } = JSON.parse(body);
    try {
      answer(response, 200, plan, await limiters[plan].consume(subject, cost));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      answer(response, 429, plan, error);
    }
  });
}).listen(Number(process.env.PORT), '127.0.0.1');

// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the limiter agent: server code only, the token must not reach a browser.

export interface Limit {
  name: string;
  limit: number;
  window: number;
  remaining: number;
  reset: number;
}

export interface Question {
  subject: string;
  plan: string;
  cost?: number;
}

export type Decision =
  | { allowed: true; limits: Limit[]; headers: Record<string, string> }
  | { allowed: false; status: 429 | 503; problem: unknown; headers: Record<string, string> };

/** The agent answered, but not as an agent that understood us: a mistake in the set-up, not a matter of limits. */
export class LimiterError extends Error {}

const PASSED_ON = ['RateLimit', 'RateLimit-Policy', 'Retry-After'];

export class Limiter {
  private next = 0;

  /** `urls`: one agent or load balancer, or several agents; `timeout`: milliseconds for each of two attempts. */
  constructor(private readonly urls: string[], private readonly token: string, private readonly timeout = 1000) {
    if (urls.length === 0 || token === '') throw new LimiterError('LIMITER_URL and LIMITER_TOKEN have to be set');
  }

  static fromEnvironment(): Limiter {
    const urls = (process.env.LIMITER_URL ?? '').split(',').map((url) => url.trim().replace(/\/+$/, '')).filter(Boolean);
    return new Limiter(urls, process.env.LIMITER_TOKEN ?? '');
  }

  async check(question: Question): Promise<Decision> {
    let response: Response;
    try {
      response = await this.request('/v1/check', {
        method: 'POST', body: JSON.stringify(question), headers: { 'Content-Type': 'application/json' } });
    } catch {
      return unavailable;
    }
    const headers = Object.fromEntries(PASSED_ON.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value]];
    }));
    if (response.ok) {
      const { limits } = await response.json() as { limits: Limit[] };
      return { allowed: true, limits, headers };
    }
    if (response.status === 429 || response.status === 503) {
      return { allowed: false, status: response.status, problem: await response.json(), headers };
    }
    throw new LimiterError(`the limiter agent answered ${response.status}: ${await response.text()}`);
  }

  /** Of all workers of one agent. */
  async redis(): Promise<{ connected: boolean; error: string | null }[]> {
    const response = await this.request('/readyz', {});
    const { workers } = await response.json() as { workers?: { redis: { connected: boolean; error: string | null } }[] };
    if (workers === undefined) throw new LimiterError('the limiter agent does not know LIMITER_TOKEN');
    return workers.map((worker) => worker.redis);
  }

  /** One retry, at the next agent. A check whose answer was lost may so be charged twice, and is never free. */
  private async request(path: string, init: { method?: string; body?: string; headers?: Record<string, string> }): Promise<Response> {
    try {
      return await this.attempt(path, init);
    } catch {
      return await this.attempt(path, init);
    }
  }

  private async attempt(path: string, init: { method?: string; body?: string; headers?: Record<string, string> }): Promise<Response> {
    const url = this.urls[this.next++ % this.urls.length];
    const response = await fetch(url + path, {
      ...init, cache: 'no-store', signal: AbortSignal.timeout(this.timeout),
      headers: { ...init.headers, Authorization: `Bearer ${this.token}` } });
    if (response.status === 502 || response.status === 504) throw new LimiterError('the load balancer reached no agent');
    return response;
  }
}

// Closed: an AI call costs money. Who would rather serve without a limit returns `allowed: true` here.
const unavailable: Decision = {
  allowed: false,
  status: 503,
  problem: {
    type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity', status: 503,
    title: 'Capacity is reduced for the moment', detail: 'the limiter cannot be reached; try again in a second' },
  headers: { 'Retry-After': '1' },
};

// SPDX-License-Identifier: GPL-3.0-or-later
import { Limiter } from './limiter';
import { session, type Creator } from './session';

let limiter: Limiter | undefined;

/** A route handler that runs only for a creator within the limits of their plan. */
export function limited(
  handler: (request: Request, creator: Creator) => Promise<Response>,
  cost: (request: Request) => number = () => 1,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const creator = await session.creator(request);
    if (creator === null) {
      return Response.json({ error: 'Not signed in' }, { status: 401 });
    }
    limiter ??= Limiter.fromEnvironment(); // not at build time, where the variables are not needed
    const decision = await limiter.check({ subject: creator.id, plan: creator.plan, cost: cost(request) });
    if (!decision.allowed) {
      return Response.json(decision.problem, {
        status: decision.status, headers: { ...decision.headers, 'Content-Type': 'application/problem+json' } });
    }
    const response = await handler(request, creator);
    for (const [name, value] of Object.entries(decision.headers)) {
      response.headers.set(name, value);
    }
    return response;
  };
}

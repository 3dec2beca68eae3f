// SPDX-License-Identifier: GPL-3.0-or-later
// Is Redis reached? The application cannot ask it, being in no VPC: the agent can, and says so.
import { Limiter } from '../../../lib/limiter';

export const dynamic = 'force-dynamic';

export async function GET(): Promise<Response> {
  try {
    const down = (await Limiter.fromEnvironment().redis()).find((redis) => !redis.connected);
    if (down !== undefined) {
      throw new Error(down.error ?? 'the limiter agent does not reach Redis');
    }
    return Response.json({ success: true, message: 'Redis connection successful', pong: 'PONG' });
  } catch (error) {
    return Response.json({ success: false, error: (error as Error).message }, { status: 500 });
  }
}

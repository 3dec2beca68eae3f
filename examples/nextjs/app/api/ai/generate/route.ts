// SPDX-License-Identifier: GPL-3.0-or-later
import { limited } from '../../../../lib/limited';

export const dynamic = 'force-dynamic';

const GEMINI_URL = process.env.GEMINI_URL ?? 'https://generativelanguage.googleapis.com/v1beta';

export const POST = limited(async (request) => {
  const { prompt } = await request.json() as { prompt: string };
  const answer = await fetch(`${GEMINI_URL}/models/${process.env.GEMINI_MODEL}:generateContent`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'x-goog-api-key': process.env.GEMINI_API_KEY ?? '' },
    body: JSON.stringify({ contents: [{ parts: [{ text: prompt }] }] }),
  });
  if (!answer.ok) {
    return Response.json({ error: 'The model did not answer' }, { status: 502 });
  }
  return Response.json(await answer.json());
});

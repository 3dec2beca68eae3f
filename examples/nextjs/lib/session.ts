// SPDX-License-Identifier: GPL-3.0-or-later
// Who asks, and on which plan: the application's own knowledge, never the request's word for it.

export interface Creator {
  id: string;
  plan: 'starter' | 'pro' | 'business';
}

export const session = {
  /** Put your own look-up here, such as NextAuth's `auth()`. Nobody is signed in until then. */
  async creator(_request: Request): Promise<Creator | null> {
    return null;
  },
};

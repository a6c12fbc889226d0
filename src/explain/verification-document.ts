import { printRule } from '../text/index.ts';
import { askedWords } from './asked.ts';
import type { VerificationDocument } from './schema/verification.ts';
import { isFaithful, type Verification } from './verification.ts';

/** What `verify -o json` prints. */
export const verificationDocument = (found: Verification, origin: string): VerificationDocument => ({
  schema: 'sidestep/verification/1',
  origin,
  ok: isFaithful(found),
  asked: askedWords(found.interception),
  given: found.given,
  compared: found.compared,
  differences: found.drifts.map(
    ({ kind, family, backend, table, chain, number, rule, expected, message, means, bypass }) => ({
      kind,
      family,
      backend,
      table,
      chain,
      ...(number === undefined ? {} : { number }),
      ...(rule ? { rule: printRule(rule, family) } : {}),
      ...(expected ? { expected: printRule(expected, family) } : {}),
      message,
      ...(means === undefined ? {} : { means }),
      ...(bypass === undefined ? {} : { bypass }),
    }),
  ),
  routing: [...found.routing],
  probes: found.probes.map(({ outcome, explanation }) => ({ outcome, explanation })),
});

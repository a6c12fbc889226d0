import { printRule } from '../text/index.ts';
import { askedWords } from './asked.ts';
import { endDocument } from './difference-document.ts';
import { packetsSaid } from './proof-screen.ts';
import type { VerificationDocument } from './schema/verification.ts';
import { isFaithful, type Verification } from './verification.ts';

/** What `verify -o json` prints. `mends`: the commands that would put things right, in their order. */
export const verificationDocument = (
  found: Verification,
  mends: readonly string[],
  origin: string,
): VerificationDocument => ({
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
  stray: found.stray.map(({ before, after, ...packets }) => ({
    family: packets.family,
    direction: packets.direction,
    packets: [...packetsSaid(packets)],
    before: endDocument(before, packets.family),
    after: endDocument(after, packets.family),
  })),
  routing: [...found.routing],
  probes: found.probes.map(({ outcome, explanation }) => ({ outcome, explanation })),
  doubts: [...found.doubts],
  mends: [...mends],
});

/** The same where there is nothing to compare: `nothing` says why. */
export const nothingFoundDocument = (nothing: string, origin: string): VerificationDocument => ({
  schema: 'sidestep/verification/1',
  origin,
  ok: false,
  nothing,
  asked: [],
  given: false,
  compared: 0,
  differences: [],
  stray: [],
  routing: [],
  probes: [],
  doubts: [],
  mends: [],
});

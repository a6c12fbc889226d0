import type { Snapshot } from '../netfilter/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { portList } from './caught-words.ts';
import { interceptedPorts } from './intercepted.ts';
import type { Notice } from './interception.ts';
import { bothPorts } from './port-sets.ts';
import { turnsAnything } from './proxy-ports.ts';
import { isSaid, note } from './said.ts';

/** What of a request has no effect on these rules, by the flag that asks for it. */
export function voidIn({ held }: Snapshot, { ahead, self, ports, families, now }: BypassRequest): readonly Notice[] {
  const intercepts = held.some(({ rules }) => turnsAnything(rules));
  const ownCaught = held.some(
    ({ rules }) =>
      (families ?? [rules.family]).includes(rules.family) &&
      // A bypass of own calls that is there already is what was asked for.
      [...interceptedPorts(rules, 'self', now).values()].some((own) => bothPorts(own, ports).length > 0),
  );
  return [
    note(
      ahead !== undefined && intercepts,
      '--ahead',
      'has no effect, for something is intercepted here already: the bypass goes where that is done',
    ),
    note(
      self === true && intercepts && !ownCaught,
      '--self',
      `has no effect, for no call of the pod to itself on ${portList(ports)} is intercepted`,
    ),
  ].filter(isSaid);
}

import type { Snapshot } from '../netfilter/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { unbypassed } from './bypass-undo.ts';
import { portList } from './caught-words.ts';
import { interceptedPorts } from './intercepted.ts';
import type { Notice } from './interception.ts';
import { withNativeSets } from './native-sets.ts';
import { bothPorts } from './port-sets.ts';
import { isIntercepted } from './proxy-ports.ts';
import { isSaid, note } from './said.ts';

/** What of a request has no effect on these rules, by the flag that asks for it. */
export function voidIn(snapshot: Snapshot, { ahead, self, ports, families, now }: BypassRequest): readonly Notice[] {
  const { held } = withNativeSets(snapshot);
  const intercepts = isIntercepted(snapshot);
  const ownCaught = held.some(
    ({ rules }) =>
      (families ?? [rules.family]).includes(rules.family) &&
      // A bypass of own calls that is there already is what was asked for.
      [...interceptedPorts(unbypassed(rules, { ports, now }), 'self', now).values()].some(
        (own) => bothPorts(own, ports).length > 0,
      ),
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

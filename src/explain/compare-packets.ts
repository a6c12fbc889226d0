import { FAMILIES } from '../address/index.ts';
import { type Change, difference, TooComplex } from '../analysis/index.ts';
import { proxyPortsOf } from '../interception/index.ts';
import { rulesRead, type Snapshot } from '../netfilter/index.ts';
import { prepare } from '../trace/index.ts';
import type { Compared, DifferenceTold, Example } from './difference.ts';
import { familyWord } from './words.ts';

/**
 * Compares what two snapshots do with all packets of both families, coming in and going out, with an example of each change followed
 * through both. A text that holds nothing but rules is taken to be on the machine of the other.
 */
export function comparePackets(givenBefore: Snapshot, givenAfter: Snapshot): DifferenceTold {
  const notes: string[] = [];
  const before = onMachine(givenBefore, givenAfter, notes);
  const after = onMachine(givenAfter, givenBefore, notes);
  const sides = [before, after].map((snapshot) => ({ snapshot, proxyPorts: proxyPortsOf(snapshot) }));
  const [one, other] = sides as [(typeof sides)[number], (typeof sides)[number]];
  const follow = sides.map(({ snapshot, proxyPorts }) => prepare(snapshot, proxyPorts));
  const exampleOf = (change: Change): { readonly example?: Example } => {
    const question = change.surely.witness() ?? change.possibly.witness();
    if (!question) return {};
    const [first, second] = follow.map((each) => each(question));
    return { example: { question, before: first!, after: second! } };
  };
  const compared: Compared[] = [];
  for (const family of FAMILIES) {
    const unread = [before, after].filter((snapshot) => !rulesRead(snapshot, family));
    if (unread.length > 0) {
      if (unread.length === 1)
        notes.push(`${familyWord(family)} is not compared: ${unread[0]!.origin} holds no such rules`);
      continue;
    }
    for (const direction of ['in', 'out'] as const) {
      try {
        const changes = difference(one, other, family, direction, [], { far: true }).map((change) => ({
          ...change,
          ...exampleOf(change),
        }));
        compared.push({ family, direction, changes });
      } catch (error) {
        if (!(error instanceof TooComplex)) throw error;
        compared.push({ family, direction, changes: [], tooComplex: error.message });
      }
    }
  }
  if (compared.length === 0)
    notes.push('Neither holds rules of a family that the other holds, too: nothing is compared');
  const interfacesRead = before.interfaces !== undefined && after.interfaces !== undefined;
  return { before: before.origin, after: after.origin, compared, interfacesRead, notes };
}

/** Rules alone are looked at where the other side's are. */
function onMachine(snapshot: Snapshot, other: Snapshot, notes: string[]): Snapshot {
  if (snapshot.interfaces || !other.interfaces) return snapshot;
  notes.push(`the rules of ${snapshot.origin} are taken to be on the machine of ${other.origin}`);
  const { held, native, origin, sets, ipsets, orderUnknown } = snapshot;
  const { native: _, orderUnknown: __, ...machine } = other;
  return {
    ...machine,
    origin,
    held,
    ...(native ? { native } : {}),
    ...(orderUnknown ? { orderUnknown } : {}),
    ...(sets ? { sets } : {}),
    ...(ipsets === undefined ? {} : { ipsets }),
  };
}

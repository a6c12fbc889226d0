import { FAMILIES, type Family } from '../address/index.ts';
import { type Change, difference, type End, type PacketSet, sendsOn, TooComplex } from '../analysis/index.ts';
import { proxyPortsOf } from '../interception/index.ts';
import { CTSTATE, type Leaf, rulesRead, type Snapshot } from '../netfilter/index.ts';
import { prepare, type Question, type Trace } from '../trace/index.ts';
import { apartAtTimes } from './at-times.ts';
import type { Compared, DifferenceTold, Example } from './difference.ts';
import { familyWord } from './words.ts';

/**
 * Compares what two snapshots do with all packets of both families, coming in and going out, with an example of each change followed
 * through both. A text that holds nothing but rules is taken to be on the machine of the other.
 *
 * @param families those that are compared
 */
export function comparePackets(
  givenBefore: Snapshot,
  givenAfter: Snapshot,
  families: readonly Family[] = FAMILIES,
): DifferenceTold {
  const notes: string[] = [];
  const before = onMachine(givenBefore, givenAfter, notes);
  const after = onMachine(givenAfter, givenBefore, notes);
  // What one of them shows to be the proxy's is the proxy's by the other one, too: chains may have other names there.
  const proxyPorts = [...new Set([...proxyPortsOf(before), ...proxyPortsOf(after)])];
  const [one, other] = [
    { snapshot: before, proxyPorts },
    { snapshot: after, proxyPorts },
  ] as const;
  const [followBefore, followAfter] = [prepare(before, proxyPorts), prepare(after, proxyPorts)];
  const exampleOf = ({ surely, possibly }: Pick<Change, 'surely' | 'possibly'>): Example | undefined => {
    const question = witnessOf(surely) ?? witnessOf(possibly);
    return question && { question, before: followBefore(question), after: followAfter(question) };
  };
  const told = (change: Change): readonly (Change & { readonly example?: Example })[] => {
    const settled = withoutMapped(change, exampleOf);
    return (settled ? apartBySurety(settled) : []).map((part) => {
      const example = exampleOf(part);
      return { ...part, ...(example ? { example } : {}) };
    });
  };
  const compared: Compared[] = [];
  for (const family of families) {
    const unread = [before, after].filter((snapshot) => !rulesRead(snapshot, family));
    if (unread.length > 0) {
      if (unread.length === 1)
        notes.push(`${familyWord(family)} is not compared: ${unread[0]!.origin} holds no such rules`);
      continue;
    }
    for (const direction of ['in', 'out'] as const) {
      try {
        const changes = difference(one, other, family, direction, [], { far: true }).flatMap(told);
        compared.push({ family, direction, changes });
      } catch (error) {
        if (!(error instanceof TooComplex)) throw error;
        compared.push({ family, direction, changes: [], tooComplex: error.message });
      }
    }
  }
  if (compared.length === 0)
    notes.push('Neither holds rules of a family that the other holds, too: nothing is compared');
  const alone = new Set([before, after].filter(isAlone).map(({ origin }) => origin));
  for (const origin of alone)
    notes.push(`nothing comes to ${origin} from outside, which is not compared: it has no interface but lo`);
  const interfacesRead = before.interfaces !== undefined && after.interfaces !== undefined;
  const mayForward = FAMILIES.some(
    (family) => compared.some((looked) => looked.family === family) && sendsOn([one, other], family),
  );
  const looked = FAMILIES.filter((family) => compared.some((one) => one.family === family));
  const atTimes = apartAtTimes(before, after, looked);
  return { before: before.origin, after: after.origin, compared, atTimes, interfacesRead, mayForward, notes };
}

/** The packets that change whatever is not known, and those that may: of these it is not said that they do, and they are not left out. */
function apartBySurety(change: Change): readonly Change[] {
  const { surely, possibly } = change;
  const rest = possibly.minus(surely);
  if (surely.isEmpty || rest.isEmpty) return [change];
  return [
    { ...change, possibly: surely },
    { ...change, surely: rest.minus(rest), possibly: rest },
  ];
}

/** A packet as usual as there is one; of those that no program sends, one from a host to another. */
const witnessOf = (packets: PacketSet): Question | undefined =>
  (packets.isOrdinary ? undefined : packets.unowned.witness()) ?? packets.witness();

const OPEN: Leaf = { kind: 'any-bit', field: 'ctstate', mask: CTSTATE.ESTABLISHED };

/**
 * A change without packets of open connections, where nat has given these another end: they go as their first one went. Nothing where
 * there were no others.
 */
function withoutMapped(
  change: Change,
  exampleOf: (change: Pick<Change, 'surely' | 'possibly'>) => Example | undefined,
): Change | undefined {
  const { before, after, surely, possibly } = change;
  const open = { surely: surely.where(OPEN), possibly: possibly.where(OPEN) };
  if (open.possibly.isEmpty) return change;
  // Where nothing asks for the state, those of open connections are not told from the others.
  if (open.possibly.equals(possibly) && !possibly.space.domain.fields.has('ctstate')) return change;
  const example = exampleOf(open);
  if (example && endsAt(example.before, before) && endsAt(example.after, after)) return change;
  const rest = { surely: surely.minus(open.surely), possibly: possibly.minus(open.possibly) };
  return rest.possibly.isEmpty ? undefined : { ...change, ...rest };
}

/** Whether a packet that was followed came to this end, as far as that is known. */
function endsAt({ outcome, question }: Trace, end: End): boolean {
  if (outcome.kind === 'unknown' || end.kind === 'unknown') return true;
  if (outcome.kind !== end.kind) return false;
  if (!('port' in outcome) || !('port' in end)) return true;
  return outcome.port === (end.port === 'own' ? question.packet.destinationPort : end.port);
}

/** Whether a machine has nothing by which anything could come to it. */
const isAlone = ({ interfaces }: Snapshot): boolean => interfaces?.every(({ name }) => name === 'lo') === true;

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

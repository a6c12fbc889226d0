import type { PacketSet } from '../../analysis/index.ts';
import { decidingStep, familyWord, outcomePhrase } from '../../explain/index.ts';
import { actsOf, contextOf, isNftRule, type Predicate, predicateOf } from '../../netfilter/index.ts';
import type { Trace } from '../../trace/index.ts';
import { type Audited, deciding, exampleWords, fated, surelyFated } from '../audited.ts';
import { isDodger } from '../dodgers.ts';
import type { Finding } from '../finding.ts';
import { type Lane, TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** What goes by one interface is intercepted, and what goes by another is not. */
export const interfaceOpen: Kind = {
  name: 'interface-open',
  about: 'Connections by one interface go through the proxy, and those by another do not.',
  look: (audited) =>
    audited.lanes
      .flatMap((lane) => {
        if (lane.name === 'inbound') return comingIn(audited, lane);
        return lane.name === 'outbound' ? leaving(audited, lane) : [];
      })
      .filter(({ rules }) => !isDodger(audited, rules)),
};

function comingIn(audited: Audited, lane: Lane): readonly Finding[] {
  const caught = fated(lane, 'proxy')?.where(TCP_ONLY);
  const direct = surelyFated(lane, 'direct')?.where(TCP_ONLY);
  if (!caught || caught.isEmpty || !direct) return [];
  return cardsOf(audited, direct).flatMap((card): readonly Finding[] => {
    const by = { kind: 'name', field: 'in', text: card, prefix: false } as const;
    // The same packet by another interface is caught.
    const example = audited.example(direct.where(by).and(caught.whatever('in')));
    if (!example || !caught.where(by).isEmpty) return [];
    return [open(audited, lane, direct.spokenName(card), example)];
  });
}

/** By which interface a packet leaves its destination decides: a rule that asks for the interface lets it pass. */
function leaving(audited: Audited, lane: Lane): readonly Finding[] {
  const caught = fated(lane, 'proxy')?.where(TCP_ONLY);
  if (!caught || caught.isEmpty) return [];
  // The same packet to another destination is caught; where no routes are known, by another interface to the same.
  const elsewhere = caught.whatever('destination').or(caught.whatever('out'));
  const told = new Set<string>();
  return lane.ends.flatMap(({ end, fate, packets }): readonly Finding[] => {
    if (fate !== 'direct' || end.kind !== 'sent' || told.has(end.out)) return [];
    const example = audited.example(packets.where(TCP_ONLY).and(elsewhere));
    if (!example || !asksForWayOut(example.trace, end.out)) return [];
    told.add(end.out);
    return [open(audited, lane, end.out, example)];
  });
}

/** The interfaces by which packets may come in; where they were not read, those that rules name. */
function cardsOf({ snapshot: { interfaces } }: Audited, direct: PacketSet): readonly string[] {
  if (interfaces) return interfaces.flatMap(({ name, up }) => (up && name !== LOOPBACK ? [name] : []));
  const code = direct.space.domain.fields.get('in')?.code;
  const names = code?.kind === 'values' ? code.values.map(String) : [];
  return names.filter((name) => name !== LOOPBACK && direct.spokenName(name) !== '');
}

const LOOPBACK = 'lo';

const open = (
  { snapshot }: Audited,
  { name, family }: Lane,
  card: string,
  example: NonNullable<Finding['example']>,
): Finding => ({
  level: 'medium',
  family,
  says:
    `${name} ${familyWord(family)} by ${card} is not intercepted, though it is by others: ` +
    `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}.${snapshot.interfaces ? '' : UNREAD}`,
  example,
  rules: deciding(example.trace),
  mend: `take ${card} off the list of excluded interfaces; if it is meant to be there, nothing`,
});

const UNREAD = ' It matters if this host has such an interface: that was not read.';

/** Whether the rule that decided asks by which interface the packet leaves. */
function asksForWayOut(trace: Trace, card: string): boolean {
  const step = decidingStep(trace);
  if (!step) return false;
  const { family } = trace.question.packet;
  const { rule, native } = step;
  if (!isNftRule(rule)) return namesWayOut(predicateOf(rule, family), card);
  if (!native) return false;
  return actsOf(rule, contextOf(native, family)).some(({ alternatives }) =>
    alternatives.some(({ when }) => namesWayOut(when, card)),
  );
}

function namesWayOut(predicate: Predicate, card: string): boolean {
  switch (predicate.kind) {
    case 'name':
      return (
        predicate.field === 'out' && (predicate.prefix ? card.startsWith(predicate.text) : card === predicate.text)
      );
    case 'all':
    case 'some':
      return predicate.of.some((part) => namesWayOut(part, card));
    default:
      return false;
  }
}

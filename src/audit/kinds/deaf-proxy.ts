import type { PacketSet } from '../../analysis/index.ts';
import { familyWord, outcomePhrase } from '../../explain/index.ts';
import type { RuleStep } from '../../trace/index.ts';
import { type Audited, deciding, exampleWords } from '../audited.ts';
import type { Example, Finding } from '../finding.ts';
import { type Lane, TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** Connections are turned to a port where nobody listens, or handed to a socket that cannot take them. */
export const deafProxy: Kind = {
  name: 'deaf-proxy',
  about:
    'Connections are turned to a port of the proxy where nobody listens, or nobody who can take them: they are lost.',
  look(audited) {
    const told = new Set<string>();
    return audited.lanes.flatMap((lane) => [...turned(audited, lane, told), ...handed(audited, lane, told)]);
  },
};

/** REDIRECT finds no listener: the connection is refused. */
const turned = (audited: Audited, lane: Lane, told: Set<string>): readonly Finding[] =>
  lane.ends.flatMap(({ end, fate, packets }) => {
    if (fate !== 'proxy' || end.kind !== 'nobody listens') return [];
    const example = audited.example(packets);
    if (!example || isTold(told, lane, Number(end.port))) return [];
    const packet = `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;
    return [
      {
        level: 'high',
        family: lane.family,
        says: `${lane.name} ${familyWord(lane.family)} is turned to :${end.port}, and nobody listens there: ${packet}.`,
        example,
        rules: deciding(example.trace),
        mend: `start the proxy on :${end.port}; or turn connections to the port that it does listen on`,
      },
    ];
  });

/** TPROXY finds no socket, or none that is transparent: the packet is dropped. */
function handed(audited: Audited, lane: Lane, told: Set<string>): readonly Finding[] {
  // Who listens is not known: a proxy is taken to.
  if (!audited.snapshot.listeners) return [];
  return lane.ends.flatMap(({ end, packets, perhaps }): readonly Finding[] => {
    const dropped = end.kind === 'dropped' && !perhaps;
    const lost = dropped ? lostByTproxy(audited, packets.where(TCP_ONLY)) : undefined;
    if (!lost || isTold(told, lane, lost.port)) return [];
    const { example, port } = lost;
    return [
      {
        level: 'high',
        family: lane.family,
        says: `${lane.name} ${familyWord(lane.family)} is handed to :${port}, and no socket there takes it: ${exampleWords(example)} is dropped.`,
        example,
        rules: deciding(example.trace),
        mend: `start the proxy on :${port} with a transparent socket (IP_TRANSPARENT, which takes NET_ADMIN)`,
      },
    ];
  });
}

/** What else is dropped may come first: of so many ports one packet each is followed. */
const MOST_FOLLOWED = 8;

function lostByTproxy(audited: Audited, dropped: PacketSet): { example: Example; port: number } | undefined {
  let left = dropped;
  for (let tried = 0; tried < MOST_FOLLOWED; tried += 1) {
    const example = audited.example(left);
    if (!example) return undefined;
    const last = example.trace.steps.findLast((step): step is RuleStep => step.kind === 'rule');
    if (last?.effect?.kind === 'tproxy' && example.trace.outcome.kind === 'dropped') {
      const asked = example.question.packet.destinationPort ?? 0;
      return { example, port: last.effect.port === 0 ? asked : last.effect.port };
    }
    const at = example.question.packet.destinationPort ?? 0;
    left = left.minus(left.where({ kind: 'in', field: 'destinationPort', ranges: [[at, at]] }));
  }
  return undefined;
}

/** Said once of each port and family. */
function isTold(told: Set<string>, { family }: Lane, port: number): boolean {
  const key = `${family} ${port}`;
  const before = told.has(key);
  told.add(key);
  return before;
}

import { FAMILIES, type Family } from '../../address/index.ts';
import { TooComplex } from '../../analysis/index.ts';
import { isTurned, movedBetween, outcomePhrase, shellWord } from '../../explain/index.ts';
import { isIstioTable } from '../../interception/index.ts';
import { isFollowed, type NftTable, type Snapshot, seesFamily } from '../../netfilter/index.ts';
import { prepare, type RuleStep } from '../../trace/index.ts';
import { type Audited, exampleWords, placeOf } from '../audited.ts';
import type { Example, Finding } from '../finding.ts';
import { arriving, unionOf } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** nftables' own rules of others, beside those of a mesh: what `dodge` and `foreign-rule` are for rules of iptables. */
export const foreignTable: Kind = {
  name: 'foreign-table',
  about: 'A native table of somebody else takes intercepted connections from the proxy.',
  look: (audited) =>
    audited.proxyPorts.length === 0
      ? []
      : foreignTables(audited.snapshot)
          .slice(0, MOST)
          .flatMap((table) => taking(audited, table)),
};

/** Each asks for a comparison of all packets: more of them are not looked at. */
const MOST = 6;

const foreignTables = ({ native = [] }: Snapshot): readonly NftTable[] =>
  native.filter(
    (table) =>
      isFollowed(table) &&
      !isIstioTable(table) &&
      !table.flags.includes('dormant') &&
      table.chains.some(({ base }) => base),
  );

function taking(audited: Audited, table: NftTable): readonly Finding[] {
  const { snapshot, proxyPorts } = audited;
  const less: Snapshot = { ...snapshot, native: (snapshot.native ?? []).filter((one) => one !== table) };
  const [first, ...more] = FAMILIES.filter((family) => seesFamily(table, family)).flatMap(
    (family) => takenFrom(audited, less, family) ?? [],
  );
  if (!first) return [];
  const without = outcomePhrase(prepare(less, proxyPorts)(first.question).outcome);
  const name = `${table.family} ${table.name}`;
  const step = lastIn(first, name);
  return [
    {
      level: 'medium',
      ...(more.length === 0 ? { family: first.question.packet.family } : {}),
      says:
        `table ${name} of nftables is not the mesh's, and takes connections from the proxy: ${exampleWords(first)} → ` +
        `${outcomePhrase(first.trace.outcome)}, and without this table → ${without}.`,
      example: first,
      rules: step ? [placeOf(first.trace, step)] : [],
      mend: `if nobody meant that, ${takenAway(audited, table, step)}`,
    },
  ];
}

/** A connection of a family that surely goes to the proxy without a table, and not with it. */
function takenFrom(audited: Audited, less: Snapshot, family: Family): Example | undefined {
  const { snapshot, proxyPorts, example } = audited;
  try {
    for (const direction of ['in', 'out'] as const) {
      const taken = movedBetween(less, snapshot, proxyPorts, family, direction).filter(
        ({ sure, before, after }) => sure && isTurned(before, proxyPorts) && !isTurned(after, proxyPorts),
      );
      const opening = unionOf(taken.map(({ packets }) => packets.opening));
      const found = example(opening && direction === 'in' ? arriving(opening, snapshot, family) : opening);
      // What is dropped by chance, or beyond a limit, has no end that is known.
      if (found && found.trace.outcome.kind !== 'unknown') return found;
    }
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
  }
  return undefined;
}

/** The last rule of a table that a packet met; none where its chain's policy decides. */
const lastIn = ({ trace }: Example, table: string): RuleStep | undefined =>
  trace.steps.findLast(
    (step): step is RuleStep =>
      step.kind === 'rule' && step.native !== undefined && step.table === table && step.answer === 'matched',
  );

/** A rule goes by its handle, which a listing may not show. */
function takenAway({ enter }: Audited, { family, name }: NftTable, step: RuleStep | undefined): string {
  const handle = step && 'handle' in step.rule ? step.rule.handle : undefined;
  const command = (...words: readonly string[]): string => [...enter, 'nft', ...words].map(shellWord).join(' ');
  return step && handle !== undefined
    ? `take the rule away: ${command('delete', 'rule', family, name, step.chain, 'handle', String(handle))}`
    : `take away what does it: ${command('-a', 'list', 'table', family, name)}`;
}

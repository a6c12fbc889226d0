import { FAMILIES } from '../address/index.ts';
import type { Bypass, ProxyIdentity, Recognition, Summary } from '../interception/index.ts';
import type { Backend, HeldRules, Snapshot, ValueField } from '../netfilter/index.ts';
import type { Naming } from './condition.ts';
import { type Block, bad, faint, good, line, name, paragraph, strong, table, warn } from './screen.ts';
import { clock, duration, familyWord, listed } from './words.ts';

/** Who is intercepted: one line a direction, then whose rules they are and where they were read. */
export const summaryBlocks = (summary: Summary, snapshot: Snapshot): Block[] => [
  ...summaryLines(summary, snapshot),
  paragraph(line(faint(whoAndWhere(summary, snapshot))), 2),
  ...summary.doubts.map((doubt) => paragraph(line(warn('not certain: '), doubt), 2)),
];

/** Who is intercepted, and nothing else. */
export function summaryLines(summary: Summary, snapshot: Snapshot): Block[] {
  const read = FAMILIES.filter((family) => snapshot.held.some(({ rules }) => rules.family === family));
  const rows = summary.lines.map(({ label, traffic, to, note, families }) => [
    line(name(label)),
    line(traffic),
    to ? line(strong(`→ ${to}`)) : [],
    line(
      note ? faint(note) : '',
      families.length < read.length ? faint(`${note ? '  ' : ''}${listed(families.map(familyWord))} only`) : '',
    ),
  ]);
  if (rows.length > 0) return [table(rows)];
  if (summary.doubts.length > 0) return [paragraph(line(strong('Whether anything is intercepted is not known.')))];
  const all = !snapshot.unread?.some(({ about }) => about === 'rules');
  return [paragraph(line(strong(all ? 'Nothing is intercepted here.' : 'Nothing that could be read intercepts.')))];
}

const whoAndWhere = ({ title, backends }: Summary, { origin, taken, held }: Snapshot): string =>
  [
    ...(title ? [`written by ${title}`] : []),
    ...(backends.length > 0 ? [backends.map((backend) => toolOf(backend, held)).join(' and ')] : []),
    origin,
    ...(taken ? [`read ${taken.slice(0, 19).replace('T', ' ')} UTC`] : []),
  ].join('  ·  ');

/** A listing does not tell which of the two printed it. */
const toolOf = (backend: Backend, held: readonly HeldRules[]): string =>
  held.every((one) => one.backend !== backend || one.untold)
    ? 'iptables-nft or iptables-legacy, which is not told'
    : `iptables-${backend}`;

/** What the reader ought to know of where the rules came from: two back ends, parts that could not be read. */
export function cautions(snapshot: Snapshot): Block[] {
  const both = FAMILIES.filter((family) => busyBackends(snapshot, family).length > 1);
  return [
    ...(both.length === 0
      ? []
      : [
          paragraph(
            line(
              bad('both back ends hold rules: '),
              `iptables-nft and iptables-legacy (${listed(both.map(familyWord))}). The kernel runs both`,
              snapshot.orderUnknown ? '; which of them first cannot be read, so a trace may say "unknown".' : '.',
              ' Keep one: iptables-legacy-save and iptables-nft-save show whose they are.',
            ),
            2,
          ),
        ]),
    ...(snapshot.unread ?? []).map(({ about, what, because, hint }) =>
      paragraph(
        line(
          warn(about === 'listing' ? 'not shown: ' : 'not read: '),
          `${what}: ${because}`,
          faint(hint ? `. ${hint}` : ''),
        ),
        2,
      ),
    ),
  ];
}

const busyBackends = ({ held }: Snapshot, family: (typeof FAMILIES)[number]): string[] =>
  held
    .filter(
      ({ rules }) =>
        rules.family === family && rules.tables.some(({ chains }) => chains.some((chain) => chain.rules.length > 0)),
    )
    .map(({ backend }) => backend);

/** What a uid, gid or mark is to the reader: the proxy's own. */
export function namingOf(recognitions: readonly Recognition[]): Naming {
  const identities = recognitions.map(({ proxy }) => proxy);
  const has = (pick: (identity: ProxyIdentity) => readonly (string | number)[], value: string): boolean =>
    identities.some((identity) => pick(identity).some((known) => String(known) === value));
  return (field: ValueField, value: string) => {
    const known =
      (field === 'uid' && has(({ uids }) => uids, value)) ||
      (field === 'gid' && has(({ gids }) => gids, value)) ||
      (field === 'mark' && has(({ marks }) => marks, String(Number(value))));
    return known ? 'the proxy' : undefined;
  };
}

/** When a bypass ends, or ended, and what to do about it: "until 19:30 UTC, 12 min left". */
export function expiryWords({ until, expired }: Pick<Bypass, 'until' | 'expired'>, now: number): string {
  if (until === undefined) return '';
  return expired
    ? `expired at ${clock(until, now)}: clean --expired removes it`
    : `until ${clock(until, now)}, ${duration(until - now)} left`;
}

/** A bypass in a listing. */
export const bypassNote = (bypass: Bypass, now: number, isIdle = false): string => {
  const when = expiryWords(bypass, now);
  return `bypass${when === '' ? '' : ` ${when}`}${isIdle ? `, without effect now: nothing in ${bypass.table} catches it` : ''}`;
};

export const doneLine = (text: string): Block => paragraph(line(good('✓ '), text), 2);

import { FAMILIES, type Family } from '../address/index.ts';
import {
  type HeldRules,
  isTableName,
  mixed,
  type NftTable,
  type RuleSet,
  type Snapshot,
  TABLES,
  type Unread,
} from '../netfilter/index.ts';
import { parseNft, parseNftJson, printNftRule } from '../text/index.ts';
import { rulesOf } from './backend.ts';
import { run } from './command.ts';
import { refusalOf } from './complaint.ts';
import { partOf, type RefusedReading, readTableByTable } from './held-rules.ts';
import type { Namespace } from './namespace.ts';
import { ChangeRefused } from './refusal.ts';
import type { State } from './state.ts';
import { findTool } from './tool.ts';

type Read = Pick<State, 'snapshot' | 'refusals'>;

/**
 * Looks with nft into the tables of iptables, for rules that nft itself made there: iptables-save leaves parts of them out
 * without a word, or fails. One process a family that has such tables; who only changes rules of his own need not ask.
 */
export async function readMixedTables(namespace: Namespace, read: Read): Promise<Read> {
  const nft = findTool('nft');
  if (nft === undefined) return read;
  const families = FAMILIES.filter((family) => mayBeMixed(read, family));
  const listings = await Promise.all(families.map((family) => listFamily(namespace, nft, family)));
  let now = read;
  for (const [index, family] of families.entries()) now = await withListing(namespace, family, listings[index]!, now);
  return now;
}

/** iptables shows a table, or says that there is one which it cannot show. */
const mayBeMixed = ({ snapshot, refusals }: Read, family: Family): boolean =>
  rulesOf(snapshot, family, 'nft').tables.length > 0 ||
  hiddenParts(snapshot, family).length > 0 ||
  refusals.some((refusal) => isMisread(refusal, family));

/** The tool was there and allowed, and failed over what it had to read. */
const isMisread = ({ backend, family, error }: RefusedReading, of: Family): boolean =>
  backend === 'nft' && family === of && error instanceof ChangeRefused;

const hiddenParts = ({ unread = [] }: Snapshot, family: Family): readonly Unread[] =>
  unread.filter(({ what }) => TABLES.some((table) => what === partOf(table, family)));

/** What nft lists, put beside what iptables shows; where iptables had failed over it all, it is asked table by table. */
async function withListing(
  namespace: Namespace,
  family: Family,
  tables: readonly NftTable[] | Unread,
  read: Read,
): Promise<Read> {
  const { snapshot, refusals } = read;
  if ('because' in tables) return { ...read, snapshot: { ...snapshot, unread: [...(snapshot.unread ?? []), tables] } };
  const misread = refusals.some((refusal) => isMisread(refusal, family));
  const again = misread ? await readTableByTable(namespace, family) : undefined;
  const shown = again?.rules ?? rulesOf(snapshot, family, 'nft');
  const { rules, native } = mixed(shown, tables, (rule, table) => printNftRule(rule, table));
  const hidden = hiddenParts(snapshot, family);
  const unread = (snapshot.unread ?? []).filter(
    (one) => !hidden.includes(one) && !refusals.some((refusal) => isOf(one, refusal, family)),
  );
  const { native: others = [], unread: _, ...rest } = snapshot;
  return {
    snapshot: {
      ...rest,
      held: withRules(snapshot.held, rules),
      ...(native.length + others.length > 0 ? { native: asMade([...others, ...native]) } : {}),
      ...(unread.length > 0 ? { unread } : {}),
    },
    refusals: refusals.filter((refusal) => !isMisread(refusal, family)),
  };
}

/** In the place where they stood. */
function withRules(held: Snapshot['held'], rules: RuleSet): Snapshot['held'] {
  const isOld = (one: HeldRules): boolean => one.backend === 'nft' && one.rules.family === rules.family;
  const fresh: HeldRules = { backend: 'nft', rules };
  return held.some(isOld) ? held.map((one) => (isOld(one) ? fresh : one)) : [fresh, ...held];
}

/** What tells that a family could not be read at all. */
const isOf = ({ because }: Unread, refusal: RefusedReading, family: Family): boolean =>
  isMisread(refusal, family) && because === refusal.error.message;

/** The kernel numbers tables as they are made. */
const asMade = (tables: readonly NftTable[]): readonly NftTable[] =>
  tables.every(({ handle }) => handle !== undefined)
    ? tables.toSorted((one, other) => (one.handle ?? 0) - (other.handle ?? 0))
    : tables;

/** The tables of iptables in a family, as nft shows them in JSON: only there extensions of iptables are told from its own words. */
async function listFamily(namespace: Namespace, nft: string, family: Family): Promise<readonly NftTable[] | Unread> {
  const spoken = family === 'ipv4' ? 'ip' : 'ip6';
  const what = `what nft itself made in tables of iptables (${family === 'ipv4' ? 'IPv4' : 'IPv6'})`;
  const done = await run([...namespace.enter, nft, '-j', 'list', 'ruleset', spoken]);
  try {
    if (done.status !== 0) throw refusalOf(done, { doing: `reading ${what}` });
    const tables = parseNftJson(done.stdout, { source: what, keepGoing: true });
    const own = tables.filter((table) => table.family === spoken && isTableName(table.name));
    return await Promise.all(own.map((table) => withFlags(namespace, nft, table)));
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    return { about: 'listing', what, because, hint: `See it with: nft list ruleset ${spoken}` };
  }
}

/** nft 1.0.6 does not tell a table's flags in JSON, only that there are any. */
async function withFlags(namespace: Namespace, nft: string, table: NftTable): Promise<NftTable> {
  if (!table.flags.includes('unknown')) return table;
  const done = await run([...namespace.enter, nft, 'list', 'table', table.family, table.name]);
  const [told] = done.status === 0 ? parseNft(done.stdout, { keepGoing: true }) : [];
  return { ...table, flags: told?.flags ?? table.flags };
}

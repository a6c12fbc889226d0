import { FAMILIES, type Family } from '../address/index.ts';
import { type Backend, heldFor, type Snapshot } from '../netfilter/index.ts';
import { merged } from './box.ts';
import { idleBypasses } from './bypass-idle.ts';
import { type Bypass, bypassesIn } from './bypasses.ts';
import { type Catch, catchOf, describeBox } from './caught.ts';
import { portList, trafficOf, wordsOf } from './caught-words.ts';
import { directOf } from './direct.ts';
import type { Recognition } from './interception.ts';
import { nativeDoubts } from './native-doubts.ts';
import { withNativeSets } from './native-sets.ts';
import { proxyPortsOf, turnsAnything } from './proxy-ports.ts';
import { recogniseAll } from './recognise.ts';
import { toldOf, toldOfSelf } from './told.ts';
import { baseOf, WORLDS } from './world.ts';

/** One line of what `list` says first: `inbound   tcp :8080 :8888   → proxy :15001`. */
export interface SummaryLine {
  /**
   * `self`: from a process here to this host's own address. `direct`: what passes the proxy by. `refused`: what the rules
   * drop or reject. `bypass`: ports that Sidestep lets pass.
   */
  readonly label: 'inbound' | 'outbound' | 'self' | 'direct' | 'refused' | 'bypass';
  readonly traffic: string;
  /** Where it goes: `proxy :15001`, `this host :22`. */
  readonly to?: string;
  readonly note?: string;
  /** The families of which it is true. */
  readonly families: readonly Family[];
}

/** Who is intercepted, in a few true sentences. */
export interface Summary {
  readonly lines: readonly SummaryLine[];
  /** "Istio (2018 form)"; several where several wrote rules; undefined where nothing is intercepted. */
  readonly title?: string;
  readonly backends: readonly Backend[];
  readonly recognitions: readonly Recognition[];
  readonly bypasses: readonly Bypass[];
  /** Those of them that let nothing pass now, though they have not expired. */
  readonly idle: readonly Bypass[];
  /** Why the lines may not be all or not be certain; then the chains have to be read. */
  readonly doubts: readonly string[];
}

/** Pieces of one direction beyond this number are not told one by one. */
const MOST_LINES = 5;

/**
 * Says what a snapshot's rules catch and what they let pass. Every line is true of each packet that it describes; what
 * cannot be said in few words is left to the chains, and `doubts` says so.
 *
 * @param now the clock in seconds since 1970: rules that have ended no longer count. Default: when it was taken.
 */
export function summarise(given: Snapshot, now: number | undefined = takenAt(given)): Summary {
  const recognitions = recogniseAll(given, now);
  const snapshot = withNativeSets(given);
  const read = FAMILIES.filter((family) => heldFor(snapshot, family).length > 0);
  const setsOf = (family: Family) => heldFor(snapshot, family).map(({ rules }) => rules);
  // Beside a family that is intercepted it matters what becomes of one that is not.
  const beside = snapshot.held.some(({ rules }) => turnsAnything(rules));
  const found = new Map(read.map((family) => [family, catchOf(setsOf(family), now, beside, snapshot.sets && 'aside')]));
  const bypasses = bypassesIn(snapshot, now);
  const proxyPorts = proxyPortsOf(given);
  const idle = now === undefined ? [] : idleBypasses(snapshot, now);
  const titles = [...new Set(recognitions.map(({ title }) => title))];
  const lines = read.flatMap((family) =>
    linesOf(found.get(family) as Catch, family, { recognitions, proxyPorts, now }),
  );
  const anything = [...found.values()].some(({ caught }) => caught.length > 0);
  return {
    lines: [
      ...joined(lines),
      ...(anything ? [directLine(found, now)] : []),
      ...joined(bypasses.filter(({ expired }) => !expired).map((one) => bypassLine(one, isAmong(idle, one)))),
    ],
    ...(titles.length === 0 ? {} : { title: titles.join(' and ') }),
    backends: [...new Set(snapshot.held.filter(({ rules }) => rules.tables.length > 0).map(({ backend }) => backend))],
    recognitions,
    bypasses,
    idle,
    doubts: [
      ...new Set([...found.values()].flatMap(({ doubts }) => doubts)),
      ...unreadRules(snapshot),
      ...nativeDoubts(snapshot),
    ],
  };
}

/** Rules that were passed over when the text was read: what they do is in no line. */
function unreadRules({ held }: Snapshot): string[] {
  const rules = held.flatMap(({ rules: { tables } }) =>
    tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules)),
  );
  const unread = rules.filter(({ matches }) => matches.some((use) => use.kind === 'opaque' && use.name === '')).length;
  if (unread === 0) return [];
  return [
    `${unread === 1 ? 'a rule' : `${unread} rules`} could not be read; what ${unread === 1 ? 'it catches' : 'they catch'} is not known`,
  ];
}

const takenAt = ({ taken }: Snapshot): number | undefined => {
  const at = taken === undefined ? Number.NaN : Date.parse(taken);
  return Number.isNaN(at) ? undefined : Math.floor(at / 1000);
};

/** What is known of the rules as a whole. */
interface Known {
  readonly recognitions: readonly Recognition[];
  readonly proxyPorts: readonly number[];
  readonly now: number | undefined;
}

function linesOf(found: Catch, family: Family, { recognitions, proxyPorts, now }: Known): readonly SummaryLine[] {
  const proxy = recognitions.find((one) => one.family === family)?.proxy;
  const caught = WORLDS.flatMap((world) => {
    const fates = found.fates[world];
    const told = world === 'self' && proxy ? toldOfSelf(fates, family, now, proxy) : toldOf(fates, world, family, now);
    const lines = told.map(({ caught: one, other, caller }): SummaryLine => {
      const said = wordsOf(one, proxy, proxyPorts);
      const note =
        caller === undefined ? said.note : caller === 'the proxy' ? "the proxy's own calls" : "the app's calls";
      return {
        label: world,
        traffic: other ? `other ${said.traffic}` : said.traffic,
        to: said.to,
        ...(note === undefined ? {} : { note }),
        families: [family],
      };
    });
    return lines.length <= MOST_LINES
      ? lines
      : [
          ...lines.slice(0, MOST_LINES - 1),
          { label: world, traffic: 'and more: see the chains', families: [family] } as const,
        ];
  });
  return [...caught, ...refusedLines(found, family, now)];
}

/** What is dropped on its way. A firewall has too many cases to tell; a whole family shut out has one. */
function refusedLines({ fates }: Catch, family: Family, now: number | undefined): readonly SummaryLine[] {
  const base = baseOf('inbound', family, now);
  const refused = fates.inbound.filter(({ verdict }) => verdict === 'dropped' || verdict === 'rejected');
  if (refused.length === 0) return [];
  const boxes = merged(
    refused.map(({ sent }) => sent),
    family,
  ).map((box) => describeBox(box, base, 'inbound', family));
  const traffic =
    boxes.length > 2 ? ['some of what comes in: see the chains'] : boxes.map((box) => `${trafficOf(box)} inbound`);
  return traffic.map((words) => ({ label: 'refused', traffic: words, families: [family] }));
}

function directLine(found: ReadonlyMap<Family, Catch>, now: number | undefined): SummaryLine {
  const clauses = new Map<string, Family[]>();
  const caughtIn = [...found].filter(([, { caught }]) => caught.length > 0);
  for (const [family, one] of caughtIn) {
    for (const clause of directOf(one, family, now)) clauses.set(clause, [...(clauses.get(clause) ?? []), family]);
  }
  const words = [...clauses].map(([clause, families]) =>
    families.length === caughtIn.length ? clause : `${clause} (${families.map(spoken).join(', ')})`,
  );
  const whole = [...found].flatMap(([family, one]) => {
    if (one.caught.length > 0) return [];
    const refused = one.fates.inbound.some(({ verdict }) => verdict !== 'arrives');
    return [refused ? `outbound ${spoken(family)}` : `all of ${spoken(family)}`];
  });
  return { label: 'direct', traffic: [...words, ...whole].join('; '), families: [...found.keys()] };
}

const spoken = (family: Family): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** Whether a bypass is one of these: by its rule, which is the same object. */
const isAmong = (some: readonly Bypass[], { rule }: Bypass): boolean => some.some((one) => one.rule === rule);

function bypassLine({ ports, family, table, chain, number, until }: Bypass, isIdle: boolean): SummaryLine {
  const end = until === undefined ? '' : `, until ${utc(until)}`;
  return {
    label: 'bypass',
    traffic: `tcp ${portList(ports)}`,
    note: `${table} ${chain} ${number}${end}${isIdle ? ', without effect now' : ''}`,
    families: [family],
  };
}

/** `2026-11-23 19:30:00 UTC`. */
export const utc = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** Each family's own loopback addresses, by the name that the other family's line has for the same. */
const SAME: readonly (readonly [ipv4: string, ipv6: string])[] = [
  ['127.0.0.1', '::1'],
  ['127.0.0.6', '::6'],
];

/** Lines that say the same of both families as one. */
function joined(lines: readonly SummaryLine[]): readonly SummaryLine[] {
  const result: SummaryLine[] = [];
  for (const line of lines) {
    const at = result.findIndex((other) => isSame(other, line));
    const other = result[at];
    if (!other) result.push(line);
    else
      result[at] = {
        ...other,
        traffic: withBoth(other.traffic, line.traffic),
        families: [...other.families, ...line.families],
      };
  }
  return result.sort((a, b) => ORDER.indexOf(a.label) - ORDER.indexOf(b.label));
}

const ORDER: readonly SummaryLine['label'][] = ['inbound', 'outbound', 'self', 'refused', 'direct', 'bypass'];

const words = (text: string): string[] => text.split(/(?<= )|(?=,)/);
const asIpv4 = (word: string): string => {
  const found = SAME.find(([, ipv6]) => ipv6 === word.trim());
  return found ? word.replace(found[1], found[0]) : word;
};

const isSame = (a: SummaryLine, b: SummaryLine): boolean =>
  a.label === b.label &&
  a.to === b.to &&
  a.note === b.note &&
  !b.families.some((family) => a.families.includes(family)) &&
  words(a.traffic).join('') === words(b.traffic).map(asIpv4).join('');

/** `not to 127.0.0.1` and `not to ::1` as `not to 127.0.0.1 and ::1`. */
function withBoth(ipv4: string, ipv6: string): string {
  const other = words(ipv6);
  return words(ipv4)
    .map((word, index) => {
      const trimmed = word.trim();
      const same = other[index]?.trim() ?? trimmed;
      return same === trimmed ? word : word.replace(trimmed, `${trimmed} and ${same}`);
    })
    .join('');
}

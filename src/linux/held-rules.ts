import { FAMILIES, type Family } from '../address/index.ts';
import { type Backend, type HeldRules, TABLES, type Unread } from '../netfilter/index.ts';
import { parseSave } from '../text/index.ts';
import { BACKEND_TITLE, backendTool } from './backend.ts';
import { type Finished, run } from './command.ts';
import { refusalOf } from './complaint.ts';
import { LEGACY_TABLES } from './kernel-files.ts';
import type { Namespace } from './namespace.ts';
import { MissingKernelFeature, MissingPackage } from './refusal.ts';
import { type Answers, nameOf, type Request } from './session.ts';
import { installHint } from './tool.ts';

/** All iptables rules of a namespace, and what kept some from being read. */
export interface ReadRules {
  readonly held: readonly HeldRules[];
  readonly unread: readonly Unread[];
  /** Why a family of a back end that may hold rules could not be read. */
  readonly refusals: readonly RefusedReading[];
  /** Whether the nft back end answers: its tool is installed and the kernel has nf_tables. */
  readonly nftWorks: boolean;
}

export interface RefusedReading {
  readonly backend: Backend;
  readonly family: Family;
  readonly error: Error;
}

export interface RulesOptions {
  /** Keep the counters of rules. */
  readonly counters: boolean;
  /** The back end that will be changed: it is read even where legacy tables cannot be listed. */
  readonly backend?: Backend | undefined;
  /** Ask for these only. */
  readonly only?: ReadonlySet<RulesKey>;
}

/** Whose rules a request asks for. */
export type RulesKey = `${Backend} ${Family}`;

export const keyOf = (backend: Backend, family: Family): RulesKey => `${backend} ${family}`;

/** What one reading of one family and back end gave. */
export type Reading =
  | { readonly kind: 'rules'; readonly held: HeldRules; readonly unread: readonly Unread[] }
  /** This back end is not there, so it holds nothing. */
  | { readonly kind: 'none' }
  /** It cannot be known what it holds. `refused`: an error that a change of this back end must end with. */
  | { readonly kind: 'unread'; readonly unread: readonly Unread[]; readonly refused?: RefusedReading };

const BACKENDS: readonly Backend[] = ['nft', 'legacy'];

/**
 * What to ask for both families of both back ends. Asking a legacy table for its rules makes it come to be (x_tables.c,
 * xt_find_table_lock), so legacy is asked only where the kernel lists tables, and then lists those.
 */
export function ruleRequests(options: RulesOptions): Partial<Record<RulesKey, Request>> {
  const requests: Partial<Record<RulesKey, Request>> = {};
  for (const backend of BACKENDS) {
    for (const family of FAMILIES) {
      const save = backendTool(backend, family, 'save');
      if (save === undefined || options.only?.has(keyOf(backend, family)) === false) continue;
      const words = [nameOf(save), ...counting(options)];
      requests[keyOf(backend, family)] = backend === 'legacy' ? { words, guard: LEGACY_TABLES[family] } : { words };
    }
  }
  return requests;
}

/** What each family of each back end gave. */
export type Readings = Readonly<Partial<Record<RulesKey, Reading>>>;

/** Reads the answers to these requests. */
export async function readRules(
  namespace: Namespace,
  { files, answers }: Answers<RulesKey>,
  options: RulesOptions,
): Promise<Readings> {
  const keys = BACKENDS.flatMap((backend) =>
    FAMILIES.map((family) => ({ backend, family, key: keyOf(backend, family) })),
  );
  const readings = keys
    .filter(({ key }) => options.only?.has(key) !== false)
    .map(async ({ backend, family, key }) => {
      const answer = answers[key];
      if (backend === 'nft') return [key, await readNft(namespace, family, answer, options)] as const;
      return [key, await readLegacy(namespace, family, files.get(LEGACY_TABLES[family]), answer, options)] as const;
    });
  return Object.fromEntries(await Promise.all(readings));
}

/** All rules that the readings found, and what they could not. */
export function rulesIn(readings: Readings): ReadRules {
  const all = Object.values(readings);
  return {
    held: withoutIdle(all.flatMap((reading) => (reading.kind === 'rules' ? [reading.held] : []))),
    unread: all.flatMap((reading) => (reading.kind === 'none' ? [] : reading.unread)),
    refusals: all.flatMap((reading) => (reading.kind === 'unread' && reading.refused ? [reading.refused] : [])),
    nftWorks: FAMILIES.some((family) => readings[`nft ${family}`]?.kind === 'rules'),
  };
}

/** A back end without any table is named only where the other has none either: most systems use one of the two. */
const withoutIdle = (held: readonly HeldRules[]): HeldRules[] =>
  held.filter(
    ({ backend, rules }) =>
      rules.tables.length > 0 ||
      !held.some(
        (other) => other.rules.family === rules.family && (other.rules.tables.length > 0 || other.backend > backend),
      ),
  );

async function readNft(
  namespace: Namespace,
  family: Family,
  answer: Finished | undefined,
  options: RulesOptions,
): Promise<Reading> {
  const save = backendTool('nft', family, 'save');
  if (save === undefined || answer === undefined) {
    const name = family === 'ipv4' ? 'iptables-nft-save' : 'ip6tables-nft-save';
    const missing = new MissingPackage(`${name} is not installed`, installHint([name]));
    // Old systems have the legacy tools alone, and no rules of nft.
    return backendTool('legacy', family, 'save') === undefined
      ? refused('nft', family, missing)
      : { kind: 'unread', unread: [unread('nft', family, missing.message, missing.hint)] };
  }
  if (answer.status === 0) return parsed('nft', family, answer);
  const again = await run([...namespace.enter, save, ...counting(options)]);
  if (again.status === 0) return parsed('nft', family, again);
  const refusal = refusalOf(again, attempt('nft', family));
  // A kernel without nf_tables holds no rules of it.
  return refusal instanceof MissingKernelFeature ? { kind: 'none' } : refused('nft', family, refusal);
}

/**
 * A user namespace that was mapped only after its network namespace was made may not read the list of legacy tables: then
 * legacy is read, table by table, only where the caller is about to change it.
 */
async function readLegacy(
  namespace: Namespace,
  family: Family,
  names: string | { readonly absent: 'missing' | 'denied' } | undefined,
  answer: Finished | undefined,
  options: RulesOptions,
): Promise<Reading> {
  const denied = typeof names === 'object' && names.absent === 'denied';
  if (typeof names !== 'string' && !denied) return { kind: 'none' };
  if (names === '') return { kind: 'rules', held: nothing('legacy', family), unread: [] };
  const save = backendTool('legacy', family, 'save');
  if (denied && (options.backend !== 'legacy' || save === undefined)) {
    const because = `${LEGACY_TABLES[family]} may not be read by this user`;
    const hint = 'Where legacy is in use, name it: --backend legacy, or SIDESTEP_BACKEND=legacy';
    return { kind: 'unread', unread: [unread('legacy', family, because, hint)] };
  }
  if (save === undefined) {
    const tool = family === 'ipv4' ? 'iptables-legacy-save' : 'ip6tables-legacy-save';
    return refused('legacy', family, new MissingPackage(`${tool} is not installed`, installHint([tool])));
  }
  if (answer?.status === 0) return parsed('legacy', family, answer);
  const words = [...namespace.enter, save, ...counting(options)];
  const again = denied
    ? joined(await Promise.all(TABLES.map((table) => run([...words, '-t', table]))))
    : await run(words);
  if (again.status !== 0) return refused('legacy', family, refusalOf(again, attempt('legacy', family)));
  return parsed('legacy', family, again);
}

/** Tables asked one by one: one that this kernel does not have is no failure unless none was there. */
const joined = (all: readonly Finished[]): Finished => {
  const none = all.every(({ status }) => status !== 0);
  return none ? all[0]! : { status: 0, stdout: shownIn(all), stderr: '' };
};

const counting = ({ counters }: RulesOptions): readonly string[] => (counters ? ['-c'] : []);

const nothing = (backend: Backend, family: Family): HeldRules => ({ backend, rules: { family, tables: [] } });

/** How a table is called of which iptables shows only a part, or nothing. */
export const partOf = (table: string, family: Family): string => `part of table ${table} in ${titleOf('nft', family)}`;

/**
 * What iptables shows of the tables of a family, asked for one by one: those that it refuses to show do not keep the others from
 * being read.
 */
export async function readTableByTable(namespace: Namespace, family: Family): Promise<HeldRules | undefined> {
  const save = backendTool('nft', family, 'save');
  if (save === undefined) return undefined;
  const asked = await Promise.all(TABLES.map((table) => run([...namespace.enter, save, '-c', '-t', table])));
  const reading = parsed('nft', family, { ...asked[0]!, stdout: shownIn(asked) });
  return reading.kind === 'rules' ? reading.held : undefined;
}

const shownIn = (all: readonly Finished[]): string =>
  all.flatMap(({ status, stdout }) => (status === 0 ? [stdout] : [])).join('');

function parsed(backend: Backend, family: Family, { stdout }: Finished): Reading {
  const source = titleOf(backend, family);
  const rules = stdout === '' ? undefined : parseSave(stdout, { source, family, keepGoing: true })[0];
  const hidden = [...stdout.matchAll(/^# Table [`'](\w+)' (?:is incompatible|contains incompatible)/gm)];
  return {
    kind: 'rules',
    held: rules === undefined ? nothing(backend, family) : { backend, rules },
    unread: hidden.map(([, table]) => ({
      about: 'rules',
      what: partOf(table!, family),
      because: 'it was made with nft itself, in a form that iptables cannot show',
      hint: 'See it with: nft list ruleset',
    })),
  };
}

const titleOf = (backend: Backend, family: Family): string =>
  `the ${family === 'ipv4' ? 'IPv4' : 'IPv6'} rules of the ${BACKEND_TITLE[backend]}`;

const attempt = (backend: Backend, family: Family) => ({ doing: `reading ${titleOf(backend, family)}` });

const unread = (backend: Backend, family: Family, because: string, hint?: string): Unread => ({
  about: 'rules',
  what: titleOf(backend, family),
  because,
  ...(hint === undefined ? {} : { hint }),
});

const refused = (backend: Backend, family: Family, error: Error & { readonly hint?: string }): Reading => ({
  kind: 'unread',
  unread: [unread(backend, family, error.message, error.hint)],
  refused: { backend, family, error },
});

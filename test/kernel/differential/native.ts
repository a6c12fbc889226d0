import type { Family } from '../../../src/address/index.ts';
import { type PlaceOf, readHandles, tableTitle } from '../../../src/linux/index.ts';
import type { NftTable, Predicate } from '../../../src/netfilter/index.ts';
import { some } from '../../../src/netfilter/predicate.ts';
import { parseNft } from '../../../src/text/index.ts';
import { compileNative } from '../../../src/trace/native.ts';
import type { CompiledChain } from '../../../src/trace/program.ts';
import { loadNft } from '../../support/load-nft.ts';
import type { Random } from '../../support/random.ts';
import { randomNftRuleSet } from '../../support/random-nft.ts';
import { Accounts } from './account.ts';
import type { Target } from './aim.ts';
import { compareTold } from './compare.ts';
import type { Loaded } from './loaded.ts';
import { Refused, runHere } from './machine.ts';

const FAMILY = { 1: 'inet', 2: 'ipv4', 10: 'ipv6' } as const;

/** Families of tables that see such packets. */
const SEEN_BY = { ipv4: ['ip', 'inet'], ipv6: ['ip6', 'inet'] } as const;

/** What nft 1.0.6 lists as something else than it has loaded: `@nh,8,16 != 0x1` as three fields each of which differs. */
const MISLISTED = /@nh,8,16/;

/** A script for nft whose tables see packets of a family. */
export const randomNative = (random: Random, family: Family): string =>
  randomNftRuleSet(random, SEEN_BY[family])
    .split('\n')
    .filter((line) => !MISLISTED.test(line))
    .join('\n');

/** Loads a script of nft's, without the lines that this kernel does not take. Throws Refused where nothing is left. */
export function loadNative(family: Family, script: string, names: readonly string[]): Loaded {
  const [, of = '', name = ''] = /^table (\S+) (\S+)/m.exec(script) ?? [];
  if (!loadNft({ run: runHere }, script)) throw new Refused(`nft does not take or list table ${of} ${name}`);
  const { stdout } = runHere(['nft', 'list', 'table', of, name]);
  const native = parseNft(stdout, { source: 'nft' });
  const snapshot = { held: [], native };
  const bases = compileNative({ ...snapshot, origin: 'nft' }, family, new Set());
  const places = new Map<number, PlaceOf>();
  const accounts = new Accounts(
    {
      titleOf: tableTitle,
      placeOf(number, table, handle) {
        const known = places.get(number) ?? readHandles(FAMILY[number as keyof typeof FAMILY]);
        places.set(number, known);
        const place = known(table, handle);
        return place && { ...place, table: tableTitle(number, table) };
      },
    },
    new Set(bases.filter(isBusy).map(({ table, name: chain }) => `${table} ${chain}`)),
    names,
  );
  return {
    snapshot,
    targets: bases.flatMap(targetsIn),
    extensions: extensionsIn(native),
    accounts,
    comparison: compareTold,
    close() {},
  };
}

const isBusy = ({ rules, policy }: CompiledChain): boolean => rules.length > 0 || policy === 'DROP';

/** Packets for each rule: what each of its acts asks for, one after the other. */
function targetsIn(base: CompiledChain): Target[] {
  const targets: Target[] = [];
  const hook = base.base?.hook.toUpperCase() ?? '';
  const visit = (chain: CompiledChain, before: readonly Predicate[], depth: number): void => {
    for (const { acts = [] } of chain.rules) {
      const way = [
        ...before,
        ...acts.map(({ alternatives }) => some(...alternatives.map(({ predicate }) => predicate))),
      ];
      targets.push({ hook, way });
      for (const { as } of acts.flatMap(({ alternatives }) => alternatives))
        if (as.target && depth < 4 && targets.length < 500) visit(as.target, way, depth + 1);
    }
  };
  visit(base, [], 0);
  return targets;
}

const extensionsIn = (tables: readonly NftTable[]): readonly string[] => [
  ...new Set(
    tables.flatMap(({ chains }) =>
      chains.flatMap(({ rules }) => rules.flatMap(({ statements }) => statements.map(({ kind }) => `nft ${kind}`))),
    ),
  ),
];

import { type Chain, isTableName, type Rule, type RuleSet, type Table } from '../rules.ts';
import { isBaseOfIptables, isShownByIptables } from './of-iptables.ts';
import { isAnonymous, type NftChain, type NftRule, type NftTable } from './table.ts';

/** Tables of iptables in which nft's own rules stand: what each of the two tools shows best. */
export interface Mixed {
  /** What iptables shows; rules that it does not show as they are have `nft`. */
  readonly rules: RuleSet;
  /** Chains that it does not show at all, in tables of the same name. */
  readonly native: readonly NftTable[];
}

/**
 * Puts what nft lists of iptables' tables beside what iptables-save prints of them, rule by rule. Rules with an extension
 * are iptables' to say, all others nft's. `words` says a rule in one line, for those who do not read nft.
 *
 * @param tables what nft lists of one family, in JSON: the text translates extensions and does not tell them from its own
 */
export function mixed(
  rules: RuleSet,
  tables: readonly NftTable[],
  words: (rule: NftRule, table: NftTable) => string,
): Mixed {
  const listed = new Map(tables.filter(({ name }) => isTableName(name)).map((table) => [table.name, table]));
  const native: NftTable[] = [];
  const both = rules.tables.flatMap((table): readonly Table[] => {
    const nft = listed.get(table.name);
    listed.delete(table.name);
    // iptables-save does not tell that none of it is in force.
    if (!nft || nft.flags.length === 0) {
      const { shown, hidden } = nft ? beside(table, nft, words) : { shown: table };
      if (hidden) native.push(hidden);
      return [shown];
    }
    native.push(nft);
    return [];
  });
  native.push(...[...listed.values()].filter(({ chains }) => chains.length > 0));
  return { rules: { ...rules, tables: both }, native };
}

interface Beside {
  readonly shown: Table;
  readonly hidden?: NftTable;
}

function beside(table: Table, nft: NftTable, words: (rule: NftRule, table: NftTable) => string): Beside {
  const listed = new Map(nft.chains.map((chain) => [chain.name, chain]));
  const own: NftChain[] = [];
  const chains = table.chains.map((chain): Chain => {
    const other = listed.get(chain.name);
    if (!other || (other.base && !isBaseOfIptables(table.name, other.name, other.base))) return chain;
    const whole = other.rules.length !== chain.rules.length;
    const unshown = whole ? other.rules : other.rules.filter((rule) => !isShownByIptables(rule));
    if (unshown.length === 0) return chain;
    own.push({ name: chain.name, flags: [], rules: unshown });
    return {
      ...chain,
      rules: other.rules.map((rule, index) =>
        whole || !isShownByIptables(rule) ? nftRule(rule, words(rule, nft)) : chain.rules[index]!,
      ),
    };
  });
  // iptables shows chains that stand in rules under the kernel's names.
  const blocks = own.length > 0 ? nft.chains.filter(isAnonymous) : [];
  own.unshift(...blocks);
  const named = blocks.length > 0 ? chains.filter((chain) => !isAnonymous(chain)) : chains;
  const all = [
    ...named,
    ...blocks.map(({ name, rules }) => ({ name, rules: rules.map((rule) => nftRule(rule, words(rule, nft))) })),
  ];
  const bases = nft.chains.filter(({ name, base }) => base && !isBaseOfIptables(table.name, name, base));
  return {
    shown: own.length > 0 ? { ...table, chains: all, nft: { ...nft, chains: own } } : table,
    ...(bases.length > 0 ? { hidden: { ...nft, chains: reached(bases, listed) } } : {}),
  };
}

/** Chains and all that they lead to. */
function reached(from: readonly NftChain[], all: ReadonlyMap<string, NftChain>): readonly NftChain[] {
  // A set that grows while it is walked through is walked through to its end.
  const found = new Set(from);
  for (const { rules } of found) {
    for (const name of chainsIn(rules)) {
      const next = all.get(name);
      if (next) found.add(next);
    }
  }
  return [...found];
}

/** The names of chains in rules, wherever they stand: verdicts are also the values of maps. */
function chainsIn(part: unknown): readonly string[] {
  if (typeof part !== 'object' || part === null) return [];
  const { chain } = part as { readonly chain?: unknown };
  return [...(typeof chain === 'string' ? [chain] : []), ...Object.values(part).flatMap(chainsIn)];
}

/** What begins the words of a rule that only nft shows. */
export const NFT_WORDS = 'nft:';

/** A rule that only nft shows. Who does not look at `nft` takes it for one that could not be read. */
export const nftRule = (nft: NftRule, words: string): Rule => ({
  header: {},
  matches: [{ kind: 'opaque', name: '', words: [`${NFT_WORDS} ${words}`] }],
  target: { kind: 'opaque', name: '', words: [] },
  nft,
});

/** Gives the rules of a table back what nft shows of them, where both were written down: `nft` holds those rules alone. */
export function withNft(table: Table, nft: NftTable): Table {
  const listed = new Map(nft.chains.map(({ name, rules }) => [name, [...rules]]));
  const chains = table.chains.map((chain): Chain => {
    const left = listed.get(chain.name) ?? [];
    return {
      ...chain,
      rules: chain.rules.map((rule) => {
        const next = isNftWords(rule) ? left.shift() : undefined;
        return next ? { ...rule, nft: next } : rule;
      }),
    };
  });
  return { ...table, chains, nft };
}

const isNftWords = ({ matches: [first] }: Rule): boolean =>
  first?.kind === 'opaque' && first.name === '' && first.words[0]?.startsWith(NFT_WORDS) === true;

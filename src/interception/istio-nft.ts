import type { Family } from '../address/index.ts';
import type { TableName } from '../netfilter/index.ts';
import { parseRule } from '../text/index.ts';
import { problemsOf } from './check.ts';
import type { Interception, NativeChain, NativeRule, NativeTable, Program } from './interception.ts';
import { istioLines, istioRouting, OWN_CHAINS } from './istio.ts';
import type { Line } from './line.ts';
import { nativeChain, nftWords } from './nft-words.ts';
import { noticesOf } from './notices.ts';
import { RequestRefused } from './refused.ts';
import { sideOf } from './side.ts';

/** Where Istio hooks its native base chains in. A mark changes a route in a chain of type route only. */
const HOOKS: Readonly<Record<string, string>> = {
  'nat prerouting': 'type nat hook prerouting priority -100; policy accept;',
  'nat output': 'type nat hook output priority -100; policy accept;',
  'mangle prerouting': 'type filter hook prerouting priority -150; policy accept;',
  'mangle output': 'type route hook output priority -150; policy accept;',
  'raw prerouting': 'type filter hook prerouting priority -300; policy accept;',
  'raw output': 'type filter hook output priority -300; policy accept;',
};

const TABLES = ['nat', 'mangle', 'raw'] as const;

/** The name of a table of Istio's native form, family inet. */
export const nativeTable = (table: TableName): string => `istio-proxy-${table}`;

/**
 * Writes an interception as Istio does in its native nftables mode: the rules of its iptables form, in the same order, in tables
 * of the family inet. A rule that names no address stands once, for both families; so with IPv6 off it still meets IPv6.
 *
 * @throws RequestRefused for a value that the rules cannot take.
 */
export function writeIstioNft(interception: Interception): Program {
  const problems = problemsOf(interception);
  if (problems.length > 0) throw new RequestRefused(problems);
  return {
    interception,
    commands: { ipv4: [], ipv6: [] },
    native: tablesOf(interception),
    routing: istioRouting(interception),
    notices: noticesOf(interception),
  };
}

/** A line in nft's words. */
interface Written extends Pick<Line, 'table' | 'at' | 'reason'> {
  readonly chain: string;
  readonly words: string;
  /** It names an address of its family, and meets packets of that alone. */
  readonly own: boolean;
}

function tablesOf(interception: Interception): readonly NativeTable[] {
  const [ipv4 = [], ipv6 = []] = (['ipv4', 'ipv6'] as const).map((family) =>
    interception.families.includes(family) ? writtenFor(interception, family) : [],
  );
  const lines = together(ipv4, ipv6);
  return TABLES.flatMap((table) => {
    const chains = chainsOf(lines.filter((line) => line.table === table));
    return chains.length === 0 ? [] : [{ name: nativeTable(table), chains }];
  });
}

const writtenFor = (interception: Interception, family: Family): readonly Written[] =>
  istioLines(interception, sideOf(family, interception)).map((line): Written => {
    // Native rules drop what is invalid of tcp only.
    const words = line.words === INVALID ? `-p tcp ${INVALID}` : line.words;
    const everywhere = / ?-d \S+\/0(?= |$)/.test(words);
    const rule = parseRule(words, { family, table: line.table, chains: OWN_CHAINS });
    return {
      table: line.table,
      chain: nativeChain(line.chain),
      at: line.at,
      reason: line.reason,
      words: nftWords(rule, family, line.table, everywhere),
      own:
        everywhere ||
        rule.header.source !== undefined ||
        rule.header.destination !== undefined ||
        words.includes('-j TPROXY'),
    };
  });

const INVALID = '-m conntrack --ctstate INVALID -j ISTIO_DROP';

/**
 * The lines of both families as one list: what is the same in both stands once, what names addresses in IPv4's form and then in
 * IPv6's.
 */
function together(ipv4: readonly Written[], ipv6: readonly Written[]): readonly Written[] {
  const lines: Written[] = [];
  let [at, other] = [0, 0];
  for (;;) {
    const [one, two] = [ipv4[at], ipv6[other]];
    if (!one && !two) return lines;
    if (one && two && isSame(one, two)) {
      lines.push(one);
      at += 1;
      other += 1;
    } else if (one && (one.own || !two || comesLater(two, ipv4, at))) {
      lines.push(one);
      at += 1;
      // The same rule for the other family's address comes right behind it.
      if (two?.own && one.own && one.reason === two.reason && one.chain === two.chain) {
        lines.push(two);
        other += 1;
      }
    } else if (two) {
      lines.push(two);
      other += 1;
    }
  }
}

const isSame = (one: Written, other: Written): boolean =>
  one.words === other.words && one.chain === other.chain && one.table === other.table;

/** A rule of both families waits until both have come to it. */
const comesLater = (line: Written, lines: readonly Written[], from: number): boolean =>
  !line.own && lines.some((one, index) => index > from && isSame(one, line));

/** The chains that hold rules, or that a rule leads to; base chains first. */
function chainsOf(lines: readonly Written[]): readonly NativeChain[] {
  const chains = new Map<string, NativeRule[]>();
  const chainAt = (name: string): NativeRule[] => {
    const rules = chains.get(name) ?? [];
    chains.set(name, rules);
    return rules;
  };
  for (const { chain, at, words, reason } of lines) {
    const rules = chainAt(chain);
    if (at === 'append') rules.push({ words, reason });
    else rules.splice(at - 1, 0, { words, reason });
    const [, target] = /(?:jump|goto) (\S+)/.exec(words) ?? [];
    if (target !== undefined) chainAt(target);
  }
  const table = lines[0]?.table ?? 'nat';
  const hooked = [...chains].map(([name, rules]): NativeChain => {
    const hook = HOOKS[`${table} ${name}`];
    return { name, ...(hook === undefined ? {} : { hook }), rules };
  });
  return [...hooked.filter(({ hook }) => hook), ...hooked.filter(({ hook }) => !hook)];
}

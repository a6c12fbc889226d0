import { isBuiltIn, type Rule, type RuleSet } from '../netfilter/index.ts';
import { type Catch, catchOf } from './caught.ts';
import { isBypass } from './comments.ts';
import type { Caught, Mode, ProxyIdentity, RecognisedName, Recognition } from './interception.ts';
import { proxyPortsIn } from './proxy-ports.ts';

/** What tells one product's rules from all others. */
export interface Identified {
  readonly dialect: RecognisedName;
  readonly title: string;
  /** Whether a rule of a built-in chain is the product's own. */
  isOwn(rule: Rule): boolean;
  /** What is known beyond that which the rules catch. */
  readonly proxy?: ProxyIdentity;
  readonly proxyPorts?: readonly number[];
}

/** A recognition: what the product's rules catch, and which rules beside them are not its. */
export function recognitionOf(rules: RuleSet, identified: Identified, now?: number): Recognition {
  const { dialect, title } = identified;
  const found = catchOf([rules], now);
  const theirs = proxyPortsIn(rules);
  const caught = found.caught.map(({ proxyPort }) => proxyPort).filter((port) => theirs.includes(port));
  const ports = [...(identified.proxyPorts ?? []), ...caught];
  return {
    dialect,
    title,
    mode: modeOf(found.caught),
    family: rules.family,
    caught: found.caught,
    proxyPorts: [...new Set(ports)].filter((port) => port > 0).sort((a, b) => a - b),
    proxy: identified.proxy ?? proxyOf(found),
    foreign: foreignIn(rules, (rule) => identified.isOwn(rule) || isBypass(rule)),
    doubts: found.doubts,
  };
}

function modeOf(caught: readonly Caught[]): Mode {
  const inbound = caught.filter(({ direction }) => direction === 'inbound');
  if (inbound.length === 0) return 'NONE';
  return inbound.some(({ how }) => how === 'TPROXY') ? 'TPROXY' : 'REDIRECT';
}

/** Whoever is never caught on the way out can only be the proxy. */
function proxyOf({ caught }: Catch): ProxyIdentity {
  const spared = caught.filter(({ direction }) => direction === 'outbound').flatMap(({ exceptOwners }) => exceptOwners);
  const ids = (kind: string): string[] => [
    ...new Set(spared.filter((owner) => owner.startsWith(`${kind} `)).map((owner) => owner.slice(kind.length + 1))),
  ];
  return { uids: ids('uid'), gids: ids('gid'), marks: ids('mark').map(Number) };
}

function foreignIn(rules: RuleSet, isKnown: (rule: Rule) => boolean): Recognition['foreign'] {
  return rules.tables.flatMap(({ name: table, chains }) =>
    chains
      .filter(({ name }) => isBuiltIn(table, name))
      .flatMap(({ name: chain, rules: own }) =>
        own.flatMap((rule, index) => (isKnown(rule) ? [] : [{ table, chain, number: index + 1 }])),
      ),
  );
}

import type { Family } from '../../address/index.ts';
import { type DeadRule, deadRules, type RulePlace } from '../../analysis/index.ts';
import { familyWord, listed } from '../../explain/index.ts';
import { isOwnChain, istioTables, ownership } from '../../interception/index.ts';
import { chainOf, heldFor, isBuiltIn, type TableName } from '../../netfilter/index.ts';
import { type Audited, exampleWords, meets } from '../audited.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';

/**
 * Chains of programs that write the same rules wherever they run, some of which then never match. What stands in DOCKER-USER is the
 * user's own.
 */
const GENERATED =
  /^(?:DOCKER(?!-USER$)|KUBE-|CNI-|NETAVARK|FLANNEL-|LIBVIRT_|CILIUM_|cali-|ufw6?-|PROXY_INIT_|KUMA_|MESH_|CONSUL_|OSM_PROXY_|APPMESH_)/;

/** Rules that no packet ever meets. The mesh writes some itself, and those are its own business. */
export const deadRule: Kind = {
  name: 'dead-rule',
  about: 'A rule can never match, whatever packet comes.',
  look: (audited) => {
    const found = audited.families.map((family) => ({ family, dead: deadRules(audited, family) }));
    const isDeadInAll = (rule: DeadRule): boolean =>
      !isForBoth(rule) || found.every(({ dead }) => dead.some((one) => isSameRule(one, rule)));
    return found.flatMap(({ family, dead: rules }) => {
      const own = istioTables(audited.snapshot).map((table) => `${table.family} ${table.name}`);
      const all = rules.filter(
        (dead) =>
          isDeadInAll(dead) &&
          !own.includes(dead.table) &&
          !(audited.written && (isOwnChain(dead.chain) || isOwnRule(audited, dead, family))) &&
          !GENERATED.test(dead.chain),
      );
      const unreached = new Map<string, [DeadRule, ...DeadRule[]]>();
      for (const rule of all.filter(({ because }) => because === 'unreached')) {
        const chain = `${rule.backend} ${rule.table} ${rule.chain}`;
        const before = unreached.get(chain);
        unreached.set(chain, before ? [...before, rule] : [rule]);
      }
      return [
        ...[...unreached.values()].map((rules) => unreachedChain(audited, rules, family)),
        ...all.flatMap((rule) => (rule.because === 'unreached' ? [] : [deadOne(audited, rule, family)])),
      ];
    });
  },
};

/** In a table for both families a rule may name addresses of one, and so never meet the other. */
const isForBoth = ({ backend, table }: RulePlace): boolean => backend === 'native' && /^(?:inet|netdev) /.test(table);

const isSameRule = (one: RulePlace, other: RulePlace): boolean =>
  one.backend === other.backend &&
  one.table === other.table &&
  one.chain === other.chain &&
  one.number === other.number;

/** Whether a rule of a built-in chain is the mesh's own. */
function isOwnRule({ snapshot }: Audited, { backend, table, chain, number }: DeadRule, family: Family): boolean {
  const held = heldFor(snapshot, family).find((one) => one.backend === backend);
  const rule = held && chainOf(held.rules, table as TableName, chain)?.rules[number - 1];
  return (
    held !== undefined &&
    rule !== undefined &&
    ownership(
      held.rules,
      snapshot.held.map(({ rules }) => rules),
    ).has(rule)
  );
}

function unreachedChain(audited: Audited, rules: readonly [DeadRule, ...DeadRule[]], family: Family): Finding {
  const [{ table, chain }] = rules;
  const many = rules.length === 1 ? 'its rule never matches' : `its ${rules.length} rules never match`;
  const left = isOwnChain(chain) ? ' It may be left over from an interception.' : '';
  return {
    level: 'info',
    family,
    says: `no packet comes to ${familyWord(family)} ${table} ${chain}: ${many}.${left}`,
    rules: rules.map((rule) => placed(audited, rule, family)),
    mend: left !== '' ? audited.command('clean') : mendOf(rules),
  };
}

/** A built-in chain stays: the kernel calls it, if at all. */
function mendOf([{ table, chain }, ...more]: readonly [DeadRule, ...DeadRule[]]): string {
  if (!isBuiltIn(table as TableName, chain)) return 'take the chain away, or jump to it';
  return `take ${more.length === 0 ? 'it' : 'them'} away, or put ${more.length === 0 ? 'it' : 'them'} where such packets come by`;
}

function deadOne(audited: Audited, dead: DeadRule, family: Family): Finding {
  const { table, chain, number, by, packets } = dead;
  const example = by.length > 0 ? audited.example(packets) : undefined;
  // The packets are told as far as the chain can: whether this one does come there, its walk says.
  const shown = example && by.some((one) => meets(example, one)) ? example : undefined;
  const why =
    by.length === 0
      ? 'no packet that comes to its chain is like that'
      : `${listed(by.map((one) => `rule ${one.number}`))} ${by.length === 1 ? 'takes' : 'take'} all of it`;
  return {
    level: 'info',
    family,
    says: `${familyWord(family)} ${table} ${chain} ${number} can never match: ${why}${shown ? `, as ${exampleWords(shown)}` : ''}.`,
    ...(shown ? { example: shown } : {}),
    rules: [dead, ...by].map((rule) => placed(audited, rule, family)),
    mend:
      by.length === 0 ? 'take it away, or say what was meant' : 'take it away, or put it before what takes its packets',
  };
}

function placed({ snapshot }: Audited, { table, backend, chain, number }: RulePlace, family: Family): PlacedRule {
  const held = heldFor(snapshot, family).find((one) => one.backend === backend);
  const native = snapshot.native?.find((one) => `${one.family} ${one.name}` === table);
  const rules = held
    ? chainOf(held.rules, table as TableName, chain)?.rules
    : native?.chains.find(({ name }) => name === chain)?.rules;
  const line = rules?.[number - 1]?.line;
  return { family, table, backend, chain, number, ...(line === undefined ? {} : { line }) };
}

import { type HeldRules, type Rule, TABLES, type TableName, type Unread } from '../../netfilter/index.ts';
import { ANYWHERE, NO_INTERFACES } from './rule.ts';

/** What a listing leaves out, each kind once, with the command that shows it. */
export function unshownParts(held: readonly HeldRules[]): Unread[] {
  return held.flatMap(({ rules: { family, tables } }) => {
    const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
    const hint = `${tool}-save shows everything.`;
    const rules = tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules));
    const has = (wanted: (because: string) => boolean): readonly Rule[] =>
      rules.filter(({ unshown = [] }) => unshown.some(({ because }) => wanted(because)));
    const parts: Unread[] = [];
    if (has((because) => because === NO_INTERFACES).length > 0) {
      const flags = tables.map(({ name }) => `${tool} -t ${name} -L -n -v`).join(' and ');
      parts.push({
        about: 'listing',
        what: 'the interfaces that rules ask for (-i, -o)',
        because: `${tool} -L shows them with -v only, so any rule may ask for one`,
        hint: `${flags} ${tables.length > 1 ? 'show' : 'shows'} them, ${hint}`,
      });
    }
    if (has((because) => because === ANYWHERE).length > 0)
      parts.push({
        about: 'listing',
        what: 'addresses that begin with ::',
        because: `without -n ${tool} -L calls them anywhere`,
        hint: `With -n it shows them, ${hint}`,
      });
    const others = has((because) => because !== NO_INTERFACES && because !== ANYWHERE);
    if (others.length > 0)
      parts.push({
        about: 'listing',
        what: others.length === 1 ? 'all that one rule asks for' : `all that ${others.length} rules ask for`,
        because: 'a name without its number, or words that do not tell enough',
        hint,
      });
    const missing = TABLES.filter((name) => !tables.some((table) => table.name === name));
    if (missing.length > 0)
      parts.push({
        about: 'rules',
        what: `the ${missing.length > 1 ? 'tables' : 'table'} ${inWords(missing)}`,
        because: 'the text lists others only',
        hint,
      });
    return parts;
  });
}

const inWords = (names: readonly TableName[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

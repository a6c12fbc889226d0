import { readHandles } from '../../../src/linux/index.ts';
import { parseSave } from '../../../src/text/index.ts';
import { randomSets } from '../../support/random-rules.ts';
import { Accounts } from './account.ts';
import { targetsOf } from './aim.ts';
import { compareTold } from './compare.ts';
import { CountedComparison } from './counted.ts';
import { openCounters } from './counters.ts';
import { loadNative } from './native.ts';
/** Whose rules are compared: those of either back end of iptables, or nft's own. */
export const BACKENDS = ['nft', 'legacy', 'native'];
/** Throws Refused where a tool does not take the rules, and InputRefused where Sidestep does not. */
export function load(machine, { backend, family, text }, names) {
    if (backend === 'native')
        return loadNative(family, text, names);
    const [rules] = parseSave(text, { family, source: 'rules' });
    if (!rules)
        throw new Error('there are no rules');
    const ipsets = /-m set |-j SET /.test(text) ? randomSets(family) : '';
    machine.load(backend, family, text, ipsets);
    const all = {
        snapshot: { held: [{ backend, rules }], ...(ipsets === '' ? {} : { ipsets }) },
        targets: targetsOf(rules),
        extensions: extensionsIn(rules),
    };
    if (backend === 'legacy')
        return { ...all, ...countedRules(family, rules, names) };
    const placeOf = readHandles(family);
    const titles = { ...PLAIN, placeOf: (_, table, handle) => placeOf(table, handle) };
    const accounts = new Accounts(titles, busyChains(rules), names);
    return { ...all, accounts, comparison: compareTold, close() { } };
}
/** Tables as they are called; no rules. */
const PLAIN = { titleOf: (_, table) => table, placeOf: () => undefined };
/** The watching table tells where packets end; in between the legacy back end only counts. */
function countedRules(family, rules, names) {
    const counters = openCounters(family, rules.tables.map(({ name }) => name), busyChains(rules));
    return {
        accounts: new Accounts(PLAIN, new Set(), names),
        counted: (account) => ({ ...account, counts: counters.read() }),
        comparison: (account, asked) => new CountedComparison(account, { ...counters, asked }),
        close: () => counters.close(),
    };
}
/** Built-in chains that can do something. The kernel asks idle ones too. */
function busyChains({ tables }) {
    return new Set(tables.flatMap(({ name: table, chains }) => chains
        .filter(({ rules, policy }) => policy !== undefined && (rules.length > 0 || policy !== 'ACCEPT'))
        .map(({ name }) => `${table} ${name}`)));
}
function extensionsIn({ tables }) {
    const names = new Set();
    const rules = tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules));
    for (const { matches, target } of rules) {
        for (const { name } of matches)
            names.add(`-m ${name}`);
        if (target)
            names.add('chain' in target ? (target.kind === 'goto' ? '-g' : '-j CHAIN') : `-j ${target.name}`);
    }
    return [...names];
}

import { readHandles, tableTitle } from '../../../src/linux/index.ts';
import { some } from '../../../src/netfilter/predicate.ts';
import { parseNft } from '../../../src/text/index.ts';
import { compileNative } from '../../../src/trace/native.ts';
import { loadNft } from '../../support/load-nft.ts';
import { randomNftRuleSet } from '../../support/random-nft.ts';
import { Accounts } from './account.ts';
import { compareTold } from './compare.ts';
import { Refused, runHere } from './machine.ts';
const FAMILY = { 1: 'inet', 2: 'ipv4', 10: 'ipv6' };
/** Families of tables that see such packets. */
const SEEN_BY = { ipv4: ['ip', 'inet'], ipv6: ['ip6', 'inet'] };
/** What nft 1.0.6 lists as something else than it has loaded: `@nh,8,16 != 0x1` as three fields each of which differs. */
const MISLISTED = /@nh,8,16/;
/** A script for nft whose tables see packets of a family. */
export const randomNative = (random, family) => randomNftRuleSet(random, SEEN_BY[family])
    .split('\n')
    .filter((line) => !MISLISTED.test(line))
    .join('\n');
/** Loads a script of nft's, without the lines that this kernel does not take. Throws Refused where nothing is left. */
export function loadNative(family, script, names) {
    const [, of = '', name = ''] = /^table (\S+) (\S+)/m.exec(script) ?? [];
    if (!loadNft({ run: runHere }, script))
        throw new Refused(`nft does not take or list table ${of} ${name}`);
    const { stdout } = runHere(['nft', 'list', 'table', of, name]);
    const native = parseNft(stdout, { source: 'nft' });
    const snapshot = { held: [], native };
    const bases = compileNative({ ...snapshot, origin: 'nft' }, family, new Set());
    const places = new Map();
    const accounts = new Accounts({
        titleOf: tableTitle,
        placeOf(number, table, handle) {
            const known = places.get(number) ?? readHandles(FAMILY[number]);
            places.set(number, known);
            const place = known(table, handle);
            return place && { ...place, table: tableTitle(number, table) };
        },
    }, new Set(bases.filter(isBusy).map(({ table, name: chain }) => `${table} ${chain}`)), names);
    return {
        snapshot,
        targets: bases.flatMap(targetsIn),
        extensions: extensionsIn(native),
        accounts,
        comparison: compareTold,
        close() { },
    };
}
const isBusy = ({ rules, policy }) => rules.length > 0 || policy === 'DROP';
/** Packets for each rule: what each of its acts asks for, one after the other. */
function targetsIn(base) {
    const targets = [];
    const hook = base.base?.hook.toUpperCase() ?? '';
    const visit = (chain, before, depth) => {
        for (const { acts = [] } of chain.rules) {
            const way = [
                ...before,
                ...acts.map(({ alternatives }) => some(...alternatives.map(({ predicate }) => predicate))),
            ];
            targets.push({ hook, way });
            for (const { as } of acts.flatMap(({ alternatives }) => alternatives))
                if (as.target && depth < 4 && targets.length < 500)
                    visit(as.target, way, depth + 1);
        }
    };
    visit(base, [], 0);
    return targets;
}
const extensionsIn = (tables) => [
    ...new Set(tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.flatMap(({ statements }) => statements.map(({ kind }) => `nft ${kind}`))))),
];

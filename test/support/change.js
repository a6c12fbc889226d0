import { openNamespace, rulesOf } from '../../src/linux/index.ts';
import { BUILT_IN } from '../../src/netfilter/index.ts';
import { parseRule, parseSave, sameRule } from '../../src/text/index.ts';
/** The namespace of a scratch, as `--pid` finds it. */
export const namespaceOf = (scratch) => openNamespace({ pid: scratch.pid });
/** The rules of an iptables-save text. */
export const rulesIn = (text, family = 'ipv4') => parseSave(text, { family })[0] ?? { family, tables: [] };
/** A change after which a back end holds exactly these rules. A family that is not named stays as it is. */
export function holding(texts, options = {}) {
    const { routing, ...rest } = options;
    const rules = Object.entries(texts).map(([family, text]) => rulesIn(text, family));
    return {
        ...rest,
        compute: (_before, backend) => ({
            held: rules.map((set) => ({ backend, rules: set })),
            ...(routing ? { routing } : {}),
        }),
    };
}
/** A change that puts one rule on top of a chain, unless it is there; everything else stays. */
export function withRule(line, options = {}) {
    const { table = 'nat', chain = 'PREROUTING', family = 'ipv4', ...rest } = options;
    const rule = parseRule(line, { family, table });
    const add = (rules) => rules.some((other) => sameRule(other, rule, family)) ? rules : [rule, ...rules];
    return {
        ...rest,
        compute: ({ held }, backend) => edited(rulesOf({ held }, family, backend), table, chain, add, backend),
    };
}
/** A change that takes one rule away wherever it stands; a table that then holds nothing is not wanted either. */
export function withoutRule(line, options = {}) {
    const { table = 'nat', chain = 'PREROUTING', family = 'ipv4', ...rest } = options;
    const rule = parseRule(line, { family, table });
    const remove = (rules) => rules.filter((other) => !sameRule(other, rule, family));
    return {
        ...rest,
        compute: ({ held }, backend) => edited(rulesOf({ held }, family, backend), table, chain, remove, backend),
    };
}
function edited(rules, name, chain, edit, backend) {
    const fresh = BUILT_IN[name].map((builtIn) => ({ name: builtIn, policy: 'ACCEPT', rules: [] }));
    const tables = [
        ...rules.tables,
        ...(rules.tables.some((table) => table.name === name) ? [] : [{ name, chains: fresh }]),
    ]
        .map((table) => ({
        ...table,
        chains: table.chains.map((one) => table.name === name && one.name === chain ? { ...one, rules: edit(one.rules) } : one),
    }))
        .filter(({ chains }) => chains.some(({ policy, rules }) => policy !== 'ACCEPT' || rules.length > 0));
    return { held: [{ backend, rules: { ...rules, tables } }] };
}
/**
 * Everything that a change may touch, as the tools print it: rules of both back ends, routing and addresses. Without link-local
 * addresses, which settle by themselves.
 */
export function stateOf(scratch) {
    const commands = [
        'iptables-nft-save; ip6tables-nft-save',
        '[ -z "$(cat /proc/self/net/ip_tables_names 2>/dev/null)" ] || iptables-legacy-save',
        '[ -z "$(cat /proc/self/net/ip6_tables_names 2>/dev/null)" ] || ip6tables-legacy-save',
        'ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all; ip -o address',
    ];
    return withoutNotes(scratch.must(['sh', '-c', commands.join('\n')])).replace(/^.*fe80:.*\n/gm, '');
}
/** Without `#` lines and counters. */
export const withoutNotes = (saved) => saved.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '[0:0]');

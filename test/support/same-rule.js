import { conditionsOf, effectOf } from '../../src/netfilter/index.ts';
import { printRule } from '../../src/text/index.ts';
/** A value as text, for comparing. */
export const asText = (value) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
/** The conditions of a rule, one by one. */
const partsOf = (rule, family) => conditionsOf(rule, family).flatMap(({ predicate }) => (predicate.kind === 'all' ? predicate.of : [predicate]));
/** Every port there is: nothing that a listing would have to show. */
const isEveryPort = (predicate) => predicate.kind === 'in' && /Port$/.test(predicate.field) && asText(predicate.ranges) === '[[0,65535]]';
const isOpen = (predicate) => asText(predicate).includes('"kind":"unknown"');
/**
 * The saved rule with what iptables-save lost of it and a listing has: a range that holds every number and is negated, which
 * never matches, saves as no range at all.
 */
export function notLost(listed, saved, family) {
    const alone = (use) => printRule({ header: {}, matches: [use] }, family);
    const matches = saved.matches.map((use) => listed.matches.find((one) => alone(one) === alone(use)) ?? use);
    return { ...saved, matches };
}
/** What a listing says of a rule and the saved text does not. Undefined: nothing. */
export function contradiction(listed, held, family) {
    const saved = notLost(listed, held, family);
    // Of eui64 a listing of the nft back end shows nothing at all.
    const shown = saved.matches.filter(({ name }) => name !== 'eui64' || listed.matches.some((use) => use.name === name));
    const [claimed, there] = [partsOf(listed, family), partsOf({ ...saved, matches: shown }, family)];
    const known = new Set(there.map(asText));
    const wrong = claimed.find((part) => !isOpen(part) && !isEveryPort(part) && !known.has(asText(part)));
    if (wrong)
        return `it claims ${asText(wrong)}`;
    const told = new Set(claimed.map(asText));
    const lost = there.find((part) => !isOpen(part) && !isEveryPort(part) && !told.has(asText(part)));
    if (lost && !claimed.some(isOpen))
        return `it passes over ${asText(lost)}`;
    const [does, did] = [listed.target, saved.target].map((target) => effectOf(target, family));
    return does?.kind === 'unknown' || asText(does) === asText(did) ? undefined : `it does ${asText(does)}`;
}
/** Whether two rules mean the same, what is not known of them included. */
export function isSameMeaning(one, other, family) {
    const meaning = (rule) => partsOf(rule, family)
        .filter((part) => !isEveryPort(part))
        .map(asText)
        .sort();
    return (asText([meaning(one), effectOf(one.target, family)]) === asText([meaning(other), effectOf(other.target, family)]));
}

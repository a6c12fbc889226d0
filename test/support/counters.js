/** What the kernel has counted in a namespace so far. */
export function packetCounts(scratch, backend) {
    const counts = new Map();
    for (const [family, tool] of [
        ['ipv4', 'iptables'],
        ['ipv6', 'ip6tables'],
    ]) {
        let table = '';
        const numbers = new Map();
        for (const line of scratch.must([`${tool}-${backend}-save`, '-c']).split('\n')) {
            if (line.startsWith('*'))
                table = line.slice(1);
            const [, packets, chain] = /^\[(\d+):\d+\] -A (\S+)/.exec(line) ?? [];
            if (packets === undefined)
                continue;
            const place = `${family} ${table} ${chain}`;
            const number = (numbers.get(place) ?? 0) + 1;
            numbers.set(place, number);
            if (packets !== '0')
                counts.set(`${place} ${number}`, Number(packets));
        }
    }
    return counts;
}
/** The rules that a trace says its packet matched. */
export function matchedIn({ steps, question }) {
    const rules = steps.flatMap((step) => step.kind === 'rule' && step.answer === 'matched'
        ? [`${question.packet.family} ${step.table} ${step.chain} ${step.number}`]
        : []);
    return sum(rules.map((rule) => new Map([[rule, 1]])));
}
export function sum(many) {
    const total = new Map();
    for (const counts of many)
        for (const [rule, count] of counts)
            total.set(rule, (total.get(rule) ?? 0) + count);
    return total;
}
/** What was counted between two readings. */
export const since = (before, after) => Object.fromEntries([...after]
    .map(([rule, count]) => [rule, count - (before.get(rule) ?? 0)])
    .filter(([, count]) => count !== 0)
    .sort());

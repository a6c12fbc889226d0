import { ICMP, ICMPV6, TCP, UDP } from '../../../src/netfilter/index.ts';
import { SCTP, UDPLITE } from '../../../src/netfilter/protocol.ts';
/**
 * Tells whether a packet's connection has its tuples to itself: no packet before had the same source and port, nor the same
 * destination, port and source port. So it has none that source nat to one address, or destination nat to one address,
 * would make the same. ICMP's have an id of their own; of other protocols there is one packet between two ends.
 */
export function tuples() {
    const numbers = new Map();
    const numberOf = (address) => {
        const known = numbers.get(address);
        if (known !== undefined)
            return known;
        numbers.set(address, numbers.size);
        return numbers.size - 1;
    };
    // One whole number for each tuple: addresses by number, of which there are fewer than 2^20.
    const seen = new Map();
    const among = (name) => {
        const set = seen.get(name) ?? new Set();
        if (set.size === 0)
            seen.set(name, set);
        return set;
    };
    return ({ protocol, source, destination, sourcePort, destinationPort }) => {
        if (protocol === ICMP || protocol === ICMPV6)
            return true;
        const [from, to] = [numberOf(source), numberOf(destination)];
        const sources = among(protocol);
        if (!PORTED.has(protocol)) {
            const ends = Math.min(from, to) * 2 ** 20 + Math.max(from, to);
            return !sources.has(ends) && sources.add(ends) === sources;
        }
        const targets = among(`to ${protocol}`);
        const way = from * 65536 + sourcePort;
        const target = (to * 65536 + destinationPort) * 65536 + sourcePort;
        if (sources.has(way) || targets.has(target))
            return false;
        sources.add(way);
        targets.add(target);
        return true;
    };
}
const PORTED = new Set([TCP, UDP, UDPLITE, SCTP]);

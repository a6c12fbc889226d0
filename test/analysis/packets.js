import { endOf } from '../../src/analysis/code.ts';
import { packetWith } from '../../src/analysis/packets.ts';
const between = (random, low, high) => {
    if (typeof low !== 'bigint')
        return low + random.below(Number(high) - low + 1);
    const span = BigInt(high) - low + 1n;
    const drawn = (BigInt(random.below(2 ** 31)) << 93n) | (BigInt(random.below(2 ** 31)) << 62n) | BigInt(random.below(2 ** 31));
    return random.oneIn(2) ? low + (drawn % span) : random.oneIn(2) ? low : BigInt(high);
};
/** A value of a field: any of its intervals, and any value in it. */
function drawValue({ code, field }, random, usual) {
    switch (code.kind) {
        case 'values':
            return random.pick(code.values);
        case 'raw': {
            if (field === 'tcpFlags')
                return random.pick([2, 16, 18, 4, 1, 0, 17, 24, random.below(256)]);
            const some = random.oneIn(3) ? random.below(2 ** Math.min(32, code.width)) : random.pick(usual);
            return code.width > 48 ? BigInt(some) << BigInt(random.below(97)) : some % 2 ** code.width;
        }
        case 'intervals': {
            if (field === 'protocol' && !random.oneIn(5))
                return random.pick([6, 6, 6, 17, 1, 58]);
            const at = random.below(code.starts.length);
            return between(random, code.starts[at], endOf(code, at));
        }
    }
}
/** A random packet of a space, in any of its intervals with equal chance. */
export function randomPacket(space, random, marks) {
    const { domain, ground, valid, diagram } = space;
    const fields = {};
    for (const placed of domain.fields.values())
        fields[placed.field] = drawValue(placed, random, marks);
    const packet = packetWith(space, fields);
    // Where no interfaces are known, a sender and who is called are two; this host speaks to itself over loopback.
    if (!ground.host.known && packet.source === packet.destination)
        return undefined;
    if (!diagram.holds(valid, space.encode(packet)))
        return undefined;
    return { direction: domain.direction, packet, assumptions: [] };
}

import { idIn } from '../../../src/linux/witness/bytes.ts';
import { WATCH } from './machine.ts';
/** More than are asked at a time: what has ended is forgotten then. */
const MOST_ASKED = 1000;
/** Gathers the accounts of packets that were sent one after the other. */
export class Accounts {
    #titles;
    #names;
    /** `nat PREROUTING`: base chains that can do something. The kernel asks idle ones too. */
    #busy;
    #known = new Map();
    /**
     * Chains that are being asked, by the number that the kernel gives a packet there. What the kernel sends by itself while a
     * rule is carried out (REJECT's answer) is told of in between, if some rule has it traced.
     */
    #asked = new Map();
    /** `names` are the interfaces by their number. */
    constructor(titles, busy, names) {
        this.#names = names;
        this.#titles = titles;
        this.#busy = busy;
    }
    /** The account of the packet with this id, and forgets it. */
    of(id) {
        const account = this.#known.get(id) ?? { id, events: [] };
        this.#known.delete(id);
        return account;
    }
    take(message) {
        const { protocol = 'ipv4', family, chain, first, networkHeader, handle, verdict = '', policy, mark } = message;
        if (first && networkHeader) {
            // Packets that go over loopback may be handled later than those that follow.
            const id = idIn(protocol, networkHeader);
            const account = this.#known.get(id) ?? { id, events: [] };
            this.#known.set(id, account);
            if (this.#asked.size > MOST_ASKED)
                this.#asked.clear();
            this.#asked.set(message.id, { account, idle: false });
        }
        const asked = this.#asked.get(message.id);
        if (!asked)
            return;
        const { events } = asked.account;
        if (message.table === WATCH.table) {
            if (first && (chain === WATCH.received || chain === WATCH.leaves))
                events.push({ kind: chain, packet: seenIn(message, protocol, this.#names), mark });
            return;
        }
        const table = this.#titles.titleOf(family, message.table);
        if (first) {
            asked.idle = !this.#busy.has(`${table} ${chain}`);
            if (!asked.idle)
                events.push({ kind: 'asked', table, chain, packet: seenIn(message, protocol, this.#names) });
        }
        if (asked.idle)
            return;
        if (handle !== undefined) {
            const place = this.#titles.placeOf(family, message.table, handle) ?? { table, chain, number: 0 };
            events.push({ kind: 'rule', family: protocol, ...place, verdict, mark });
        }
        else if (policy !== undefined)
            events.push({ kind: 'policy', table, chain, policy: policy === 'drop' ? 'DROP' : 'ACCEPT' });
    }
}
function seenIn({ iif = 0, oif = 0, networkHeader, transportHeader, connection }, family, names) {
    const bytes = networkHeader;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const four = family === 'ipv4';
    const tos = four ? bytes[1] : (view.getUint16(0) >> 4) & 0xff;
    const ports = transportHeader && transportHeader.length >= 4 ? transportHeader : NO_PORTS;
    return {
        family,
        in: names[iif] ?? '',
        out: names[oif] ?? '',
        source: four ? view.getUint32(12) : wide(view, 8),
        destination: four ? view.getUint32(16) : wide(view, 24),
        sourcePort: (ports[0] << 8) | ports[1],
        destinationPort: (ports[2] << 8) | ports[3],
        ttl: bytes[four ? 8 : 7],
        dscp: tos >> 2,
        ecn: tos & 3,
        ctstate: connection?.state,
        ctstatus: connection?.status ?? 0,
    };
}
const NO_PORTS = new Uint8Array(4);
const wide = (view, at) => (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);

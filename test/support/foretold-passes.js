import { TCP, TCP_FLAGS } from '../../src/netfilter/index.ts';
/** What a packet is called by its own look: a repetition is called as the first, an ACK with data as an ACK. */
export function nameOf({ protocol, flags = 0, type, departs, }) {
    if (protocol !== TCP)
        return type === undefined ? '' : `type ${type}`;
    const { SYN, ACK, FIN, RST } = TCP_FLAGS;
    const kind = flags & RST ? 'RST' : flags & FIN ? 'FIN' : flags & SYN ? (flags & ACK ? 'SYN-ACK' : 'SYN') : 'ACK';
    return `${kind}${departs ? ' departs' : ' arrives'}`;
}
/** One packet's passes in words: what it is, and each base chain that was asked, with the rules that matched. */
export const passText = ({ ends, asked, ...look }) => [
    `${nameOf(look)} ${ends}`,
    ...asked.map(({ chain, ends: at, matched }) => {
        const rules = matched.map(({ rule, mark }) => `${rule}${mark === 0 ? '' : ` mark ${mark}`}`);
        return `  ${chain} ${at}: ${rules.join(', ')}`;
    }),
].join('\n');
/** What the kernel should tell of a connection's packets, if the walks are right. Chains without rules are left out. */
export const foretoldPasses = ({ turns }) => turns.flatMap(passesOf);
function passesOf({ trace }) {
    const passes = [];
    for (const step of trace.steps) {
        const pass = passes.at(-1);
        if (step.kind === 'hook' && (step.hook === 'OUTPUT' || step.hook === 'PREROUTING')) {
            passes.push({
                family: step.packet.family,
                departs: step.hook === 'OUTPUT',
                ends: endsOf(step.packet),
                protocol: step.packet.protocol,
                flags: step.packet.tcpFlags,
                type: step.packet.icmpType,
                asked: [],
            });
        }
        else if (step.kind === 'table' && step.silent === undefined) {
            const at = packetAt(trace, step);
            pass?.asked.push({ chain: `${step.hook} ${step.table}`, ends: endsOf(at), matched: [] });
        }
        else if (step.kind === 'rule' && step.answer === 'matched') {
            const mark = (step.changed ?? step.packet).mark ?? 0;
            pass?.asked.at(-1)?.matched?.push({
                rule: `${step.chain} ${step.number}`,
                mark,
            });
        }
    }
    return passes;
}
/** The packet as a table finds it: what the last thing that changed it left. */
function packetAt({ steps }, table) {
    let packet;
    for (const step of steps.slice(0, steps.indexOf(table))) {
        if (step.kind === 'hook')
            packet = step.packet;
        else if ((step.kind === 'rule' || step.kind === 'table') && step.changed)
            packet = step.changed;
    }
    if (!packet)
        throw new Error('a table before any hook');
    return packet;
}
const endsOf = ({ source, sourcePort, destination, destinationPort }) => `${source}:${sourcePort ?? 0} > ${destination}:${destinationPort ?? 0}`;

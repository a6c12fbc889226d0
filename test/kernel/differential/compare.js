import { formatAddress } from '../../../src/address/index.ts';
import { formatField } from '../../../src/netfilter/index.ts';
import { Comparison, Differs, STATUS } from '../../../src/trace/comparison.ts';
/** The first thing that the kernel and Sidestep say differently of a packet. */
export class Mismatch extends Error {
    name = 'Mismatch';
    /** How many of the kernel's events both agree on. */
    agreed;
    kernel;
    sidestep;
    constructor(agreed, kernel, sidestep) {
        super(`the kernel: ${kernel}; Sidestep: ${sidestep}`);
        this.agreed = agreed;
        this.kernel = kernel;
        this.sidestep = sidestep;
    }
}
/** Compares all that the kernel tells of a packet. */
export const compareTold = ({ events }) => new Comparison({ events, quiet: false }, [], isRule, true);
const isRule = (event, { chain, number }) => event.number === number && event.chain === chain.name && event.table === chain.table;
/** In words what a comparison threw; undefined: it is no difference. */
export function mismatchIn(error) {
    if (error instanceof Mismatch)
        return error;
    if (!(error instanceof Differs))
        return undefined;
    const { agreed, kernel, simulator } = error;
    return new Mismatch(agreed.events, kernel ? eventText(kernel) : 'nothing more', simulator);
}
const hex = (mark) => (mark === 0 ? '' : ` mark 0x${mark.toString(16)}`);
function seenText({ family, in: iif, out, source, destination, ttl, dscp = 0, ecn = 0, ...seen }) {
    const wires = [iif ? `in ${iif}` : '', out ? `out ${out}` : ''].filter((part) => part !== '').join(' ');
    const state = seen.ctstate === undefined ? 'no connection' : `${formatField('ctstate', seen.ctstate, family)}`;
    const status = (seen.ctstatus ?? 0) & STATUS;
    const more = status === 0 ? '' : ` ${formatField('ctstatus', status, family)}`;
    const tos = (dscp << 2) | ecn;
    return `${formatAddress(family, source)} ${seen.sourcePort} > ${formatAddress(family, destination)} ${seen.destinationPort} ${wires} ttl ${ttl}${tos === 0 ? '' : ` tos 0x${tos.toString(16)}`} ${state}${more}`;
}
/** An event as a line of text. */
export function eventText(event) {
    switch (event.kind) {
        case 'asked':
            return `${event.table} ${event.chain}: ${seenText(event.packet)}`;
        case 'rule':
            return `${event.table} ${event.chain} ${event.number} ${event.verdict}${hex(event.mark)}`;
        case 'policy':
            return `${event.table} ${event.chain} policy ${event.policy.toLowerCase()}`;
        case 'received':
        case 'leaves':
            return `${event.kind}: ${seenText(event.packet)}${hex(event.mark)}`;
    }
}

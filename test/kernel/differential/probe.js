import { clockAt, copyOf, ICMP, ICMPV6, makePacket, TCP, UDP } from '../../../src/netfilter/index.ts';
import { SCTP, UDPLITE } from '../../../src/netfilter/protocol.ts';
import { firstState } from '../../../src/trace/conntrack.ts';
import { TIMES_OF_DAY } from '../../support/random-rules.ts';
import { OWNERS } from './machine.ts';
const ported = (protocol) => protocol === TCP || protocol === UDP || protocol === UDPLITE;
const isIcmp = (protocol) => protocol === ICMP || protocol === ICMPV6;
/** By family and protocol: copied for each packet, which is much quicker than to put one together. */
const usual = { ipv4: new Map(), ipv6: new Map() };
function usualPacket(family, protocol) {
    const known = usual[family].get(protocol);
    if (known)
        return known;
    const packet = makePacket({ family, protocol, destination: family === 'ipv4' ? 0 : 0n });
    usual[family].set(protocol, packet);
    return packet;
}
/** What Sidestep is asked about it. */
export function questionOf(probe) {
    const { family, on, owner, mark, protocol } = probe;
    const packet = copyOf(usualPacket(family, protocol));
    packet.source = probe.source;
    packet.destination = probe.destination;
    packet.ttl = probe.ttl;
    packet.dscp = probe.dscp;
    packet.ecn = probe.ecn;
    if (ported(protocol) || protocol === SCTP) {
        packet.sourcePort = probe.sourcePort;
        packet.destinationPort = probe.destinationPort;
    }
    packet.tcpFlags = protocol === TCP ? probe.tcpFlags : undefined;
    if (isIcmp(protocol)) {
        packet.icmpType = probe.icmpType;
        packet.icmpCode = probe.icmpCode;
    }
    if (on !== undefined)
        packet.in = on;
    else {
        packet.owned = 1;
        packet.uid = OWNERS[owner].uid;
        packet.gid = OWNERS[owner].gid;
        packet.mark = mark;
    }
    packet.ctstate = firstState(packet);
    const time = Math.floor(Date.now() / 1000);
    if (shown.time !== time)
        shown = clockFarFrom(time);
    Object.assign(packet, shown);
    return { direction: on === undefined ? 'out' : 'in', packet, assumptions: [] };
}
/** What is said of the clock: the time of day where no rule begins or ends soon, as packets are sent some time after this, days not near midnight. */
function clockFarFrom(time) {
    const { timeOfDay = 0, ...days } = clockAt(time);
    if (timeOfDay < MARGIN || timeOfDay > DAY - MARGIN)
        return { time };
    return TURNS.some((turn) => turn >= timeOfDay && turn < timeOfDay + MARGIN) ? days : { ...days, timeOfDay };
}
/** When random rules begin or end to match, in seconds of the day. */
const TURNS = TIMES_OF_DAY.map((word) => word.split(':').reduce((seconds, part, index) => seconds + Number(part) * 60 ** (2 - index), 0));
const DAY = 86_400;
const MARGIN = 1800;
/** What is said in the present second. */
let shown = {};

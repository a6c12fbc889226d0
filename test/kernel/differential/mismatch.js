import { formatAddress } from '../../../src/address/index.ts';
import { formatField, ICMP, ICMPV6, protocolName, TCP, UDP } from '../../../src/netfilter/index.ts';
import { SCTP } from '../../../src/netfilter/protocol.ts';
import { eventText, Mismatch } from './compare.ts';
import { OWNERS } from './machine.ts';
import { openSession } from './session.ts';
import { shrink } from './shrink.ts';
/** A mismatch made small, as a case of test/cases/differential: rules, the packet, the kernel's account, Sidestep's words. */
export function mismatchText(ground, family, text, probe, from) {
    const small = shrink(ground, family, text, probe);
    return caseText(ground, family, small.text, small.probe, `seed ${from.seed}, rule set ${from.number}`);
}
/** A case as it stands in test/cases/differential, with what the kernel says now. `before`: packets that come first. */
export function caseText(ground, family, text, probe, title, before = []) {
    const session = openSession(ground, family, text);
    try {
        const account = session.send([...before, probe]).at(-1);
        const lines = account.events.map(eventText);
        const verdict = verdictOf(() => session.compare(probe, account));
        return [
            `title: ${title}`,
            `world: ${ground.world.name}`,
            ...(ground.backend === 'nft' ? [] : [`backend: ${ground.backend}`]),
            '',
            `== ${family}`,
            text.trimEnd(),
            '',
            '== packet',
            ...[...before, probe].flatMap((one) => [
                spokenProbe(one),
                JSON.stringify(one, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
            ]),
            '',
            '== kernel',
            ...lines,
            ...(verdict === '' ? [] : ['', '== differs', verdict]),
            '',
        ].join('\n');
    }
    finally {
        session.close();
    }
}
function verdictOf(compare) {
    try {
        compare();
        return '';
    }
    catch (error) {
        if (!(error instanceof Mismatch))
            throw error;
        return `the kernel: ${error.kernel}\nSidestep:   ${error.sidestep}`;
    }
}
/** The packet as `sidestep trace` takes it, as far as it can be said there. */
export function spokenProbe(probe) {
    const { family, on, protocol, source, destination, sourcePort, destinationPort } = probe;
    const ports = protocol === TCP || protocol === UDP || protocol === SCTP;
    const end = (address, port) => {
        const words = formatAddress(family, address);
        if (!ports)
            return words;
        return family === 'ipv6' ? `[${words}]:${port}` : `${words}:${port}`;
    };
    const owner = OWNERS[probe.owner];
    return [
        `${on ? 'in' : 'out'} ${protocolName(protocol)} ${end(source, sourcePort)} > ${end(destination, destinationPort)}`,
        on ? `on ${on}` : `uid ${owner.uid} gid ${owner.gid}${probe.mark ? ` mark 0x${probe.mark.toString(16)}` : ''}`,
        protocol === TCP ? `flags ${formatField('tcpFlags', probe.tcpFlags, family).toLowerCase()}` : '',
        protocol === ICMP || protocol === ICMPV6 ? `type ${probe.icmpType}/${probe.icmpCode}` : '',
        probe.ttl === 64 ? '' : `ttl ${probe.ttl}`,
    ]
        .filter((part) => part !== '')
        .join(' ');
}

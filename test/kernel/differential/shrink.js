import { parseAddress } from '../../../src/address/index.ts';
import { TCP } from '../../../src/netfilter/index.ts';
import { differsAlone } from './trial.ts';
/** More tries than a mismatch needs: each makes a namespace. */
const MOST_TRIES = 400;
/** Takes away rules, then conditions, then what is unusual of the packet, as long as both accounts go on differing. */
export function shrink(ground, family, text, probe) {
    let tries = 0;
    let small = { text, probe };
    const still = (candidate) => {
        tries += 1;
        if (tries > MOST_TRIES)
            return false;
        try {
            if (!differsAlone(ground, family, candidate.text, candidate.probe))
                return false;
        }
        catch {
            // Rules that do not load show nothing.
            return false;
        }
        small = candidate;
        return true;
    };
    for (let size = lines(text).length >> 1; size >= 1; size >>= 1) {
        for (let at = lines(small.text).length - size; at >= 0; at -= size) {
            still({ ...small, text: without(lines(small.text), at, size) });
        }
    }
    still({ ...small, text: small.text.replace(/^\*\w+\nCOMMIT\n/gm, '') });
    for (let at = lines(small.text).length - 1; at >= 0; at -= 1) {
        for (const shorter of shorterRules(lines(small.text)[at] ?? '')) {
            still({ ...small, text: replaced(lines(small.text), at, shorter) });
        }
    }
    for (const plain of plainer(small.probe))
        still({ ...small, probe: { ...small.probe, ...plain } });
    return small;
}
const lines = (text) => text.trimEnd().split('\n');
const joined = (all) => `${all.join('\n')}\n`;
const without = (all, at, size) => joined(all.filter((line, index) => index < at || index >= at + size || line === 'COMMIT' || line.startsWith('*')));
const replaced = (all, at, line) => joined(all.map((old, index) => (index === at ? line : old)));
/** The rule without one of its parts: a match with its options, or one option. */
function shorterRules(line) {
    if (!line.startsWith('-A '))
        return [];
    const parts = line.split(/ (?=(?:! )?--?[a-z])(?<!! )/);
    return parts.flatMap((part, index) => index === 0 || part.startsWith('-j') || part.startsWith('-g')
        ? []
        : [[...parts.slice(0, index), ...parts.slice(index + 1)].join(' ')]);
}
/** Fields as they usually are. */
function plainer({ family, on }) {
    const at = (text) => parseAddress(text).value;
    const [own, other] = family === 'ipv4' ? ['10.0.0.5', '10.0.0.9'] : ['2001:db8::5', '2001:db8::9'];
    return [
        { dscp: 0 },
        { ecn: 0 },
        { ttl: 64 },
        { mark: 0 },
        { protocol: TCP },
        { tcpFlags: 2 },
        { icmpType: family === 'ipv4' ? 8 : 128, icmpCode: 0 },
        { source: at(on ? other : own) },
        { destination: at(on ? own : other) },
        { sourcePort: 40000 },
        { destinationPort: 8080 },
        { owner: 1 },
        ...(on ? [{ on: 'eth0' }] : []),
    ];
}

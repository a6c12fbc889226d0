import { difference, TooComplex } from '../../../src/analysis/index.ts';
import { TCP, UDP } from '../../../src/netfilter/index.ts';
import { parseSave } from '../../../src/text/index.ts';
import { prepare } from '../../../src/trace/index.ts';
import { seeded } from '../../support/random.ts';
import { Aim, targetsOf } from './aim.ts';
import { spokenProbe } from './mismatch.ts';
import { questionOf } from './probe.ts';
import { randomRules } from './rules.ts';
import { openSession, PROXY_PORTS } from './session.ts';
import { isRefusal } from './trial.ts';
/**
 * Two random rule sets, the second with a few lines less, changed or in another place, one after the other in the kernel, with the same
 * packets: those that end elsewhere are among the packets that `difference` names, and those that it names end elsewhere.
 */
export function runChange(grounds, seed, number, packets) {
    const random = seeded(Math.imul(seed, 0x85eb_ca6b) ^ Math.imul(number + 1, 0xc2b2_ae35));
    const family = random.oneIn(3) ? 'ipv6' : 'ipv4';
    const ground = random.pick(grounds);
    const text = randomRules(random, family);
    const texts = [text, changed(text, random)];
    try {
        const [one, other] = texts.map((rules) => targetsIn(rules, family));
        // What stands in one of the two alone, and all else.
        const apart = [...without(one, other), ...without(other, one)];
        const aims = [apart.length > 0 ? apart : one, one].map((targets) => new Aim(random, family, targets));
        const probes = Array.from({ length: packets }, (_, at) => aims[at % aims.length].probe());
        const [before, after] = texts.map((rules) => {
            const session = openSession(ground, family, rules);
            try {
                const side = { snapshot: session.snapshot, proxyPorts: PROXY_PORTS };
                return {
                    side,
                    follow: prepare(side.snapshot, PROXY_PORTS),
                    ends: probes.map((probe) => seenEnd(session, probe)),
                };
            }
            finally {
                session.close();
            }
        });
        const changes = ['in', 'out'].map((way) => difference(before.side, after.side, family, way));
        let [compared, moved, surely] = [0, 0, 0];
        const differing = [];
        for (const [at, probe] of probes.entries()) {
            const question = questionOf(probe);
            // What the kernel chooses may come out differently by chance alone; that hops run out is not asked where no rule asks for them.
            if (probe.ttl < 2 || [before, after].some(({ follow }) => isOpen(follow(question))))
                continue;
            compared += 1;
            const [was, is] = [before.ends[at], after.ends[at]];
            const [said, full] = saidOf(changes[probe.on === undefined ? 1 : 0], question);
            if (was !== is && said !== 'stays')
                moved += 1;
            if (was !== is && said === 'moves')
                surely += 1;
            if (was === is ? said === 'moves' : said === 'stays')
                differing.push(`pair ${number}, ${spokenProbe(probe)}: in the kernel ${was} → ${is}; said of it: ${full}`);
        }
        return { pairs: 1, refused: 0, packets: compared, moved, surely, differing };
    }
    catch (error) {
        if (!isRefusal(error) && !(error instanceof TooComplex))
            throw error;
        return { pairs: 1, refused: 1, packets: 0, moved: 0, surely: 0, differing: [] };
    }
}
/** A few lines less, with another target, or in another order. */
function changed(text, random) {
    const lines = text.split('\n');
    const rules = lines.flatMap((line, at) => (line.startsWith('-A ') ? [at] : []));
    for (let changes = rules.length === 0 ? 0 : random.pick([1, 2, 5]); changes > 0; changes -= 1) {
        const at = random.pick(rules);
        const line = lines[at];
        const kind = random.below(3);
        if (kind === 0)
            lines[at] = '';
        else if (kind === 1)
            lines[at] = line.replace(/ -[jg] .*/, ' -j RETURN');
        else if (lines[at + 1]?.startsWith('-A '))
            [lines[at], lines[at + 1]] = [lines[at + 1], line];
    }
    return lines.join('\n');
}
const targetsIn = (text, family) => parseSave(text, { family, source: 'rules' }).flatMap(targetsOf);
function without(targets, others) {
    const known = new Set(others.map(wordsOf));
    return targets.filter((target) => !known.has(wordsOf(target)));
}
const wordsOf = (target) => JSON.stringify(target, (_, value) => (typeof value === 'bigint' ? String(value) : value));
/** Where the kernel brings a packet, as the first of its connection: to a port of this host, out by a device, or nowhere. */
function seenEnd(session, probe) {
    const { events } = session.sendAnew(probe);
    const last = events.at(-1);
    if (last?.kind === 'received')
        return probe.protocol === TCP || probe.protocol === UDP ? `here ${last.packet.destinationPort}` : 'here';
    return last?.kind === 'leaves' && last.packet.out !== 'lo' ? (last.packet.out ?? '') : 'nowhere';
}
/** A packet that may end in several places, or in one that the account does not show: at a socket that cannot answer. */
const isOpen = ({ outcome, possible }) => possible.length > 0 || outcome.kind === 'unknown' || /cannot answer/.test(outcome.because);
/** What is said of a packet, as far as the kernel's account shows it: in a word, and in full. */
function saidOf(changes, question) {
    const named = changes.filter(({ possibly }) => possibly.holds(question));
    const full = named.map(({ before, after }) => `${before.key} → ${after.key}`).join(' or ');
    const [one] = named;
    if (!one)
        return ['stays', 'no difference'];
    if (named.length > 1 || !one.surely.holds(question))
        return ['may move', full];
    const [was, is] = [shownEnd(one.before), shownEnd(one.after)];
    return [was === undefined || is === undefined || was === is ? 'may move' : 'moves', full];
}
/** The same of an end that is said; undefined: the account does not show it. */
function shownEnd(end) {
    switch (end.kind) {
        case 'unknown':
            return undefined;
        case 'rejected':
        case 'dropped':
            return 'nowhere';
        case 'forwarded':
        case 'sent':
            return end.out;
        default:
            return 'here';
    }
}

import { InputRefused } from '../../../src/text/index.ts';
import { seeded } from '../../support/random.ts';
import { Aim } from './aim.ts';
import { Mismatch } from './compare.ts';
import { Refused } from './machine.ts';
import { mismatchText } from './mismatch.ts';
import { randomNative } from './native.ts';
import { randomRules } from './rules.ts';
import { openSession } from './session.ts';
export const NOTHING = {
    sets: 0,
    agreed: 0,
    partly: 0,
    clashed: 0,
    refused: 0,
    extensions: {},
    differing: 0,
    mismatches: [],
    refusals: [],
};
const MOST_SHOWN = 20;
export function sum(one, other) {
    const extensions = { ...one.extensions };
    for (const [name, count] of Object.entries(other.extensions))
        extensions[name] = (extensions[name] ?? 0) + count;
    return {
        sets: one.sets + other.sets,
        agreed: one.agreed + other.agreed,
        partly: one.partly + other.partly,
        clashed: one.clashed + other.clashed,
        refused: one.refused + other.refused,
        extensions,
        differing: one.differing + other.differing,
        mismatches: [...one.mismatches, ...other.mismatches].slice(0, MOST_SHOWN),
        refusals: [...one.refusals, ...other.refusals].slice(0, MOST_SHOWN),
    };
}
/** One rule set and so many packets: the same for the same seed and number. */
export function runTrial(grounds, seed, number, packets) {
    const random = seeded(Math.imul(seed, 0x85eb_ca6b) ^ Math.imul(number + 1, 0xc2b2_ae35));
    const family = random.oneIn(3) ? 'ipv6' : 'ipv4';
    const ground = random.pick(grounds);
    const text = (ground.backend === 'native' ? randomNative : randomRules)(random, family);
    let extensions = {};
    let [agreed, partly, clashed] = [0, 0, 0];
    let differing = [];
    try {
        const session = openSession(ground, family, text);
        extensions = Object.fromEntries(session.extensions.map((name) => [name, 1]));
        const aim = new Aim(random, family, session.targets);
        for (let sent = 0; sent < packets; sent += BATCH) {
            const probes = drawn(aim, session.isNew, Math.min(BATCH, packets - sent));
            const accounts = session.send(probes);
            for (const [index, probe] of probes.entries()) {
                const result = agreement(() => session.compare(probe, accounts[index]));
                if (result === 'differs')
                    differing.push(probe);
                else if (result)
                    agreed += 1;
                else
                    partly += 1;
            }
        }
        // What differs no longer when nothing else is known to connection tracking only met another connection's tuple.
        clashed = differing.length;
        differing = differing.filter((probe) => agreement(() => session.compare(probe, session.sendAnew(probe))) === 'differs');
        clashed -= differing.length;
        session.close();
    }
    catch (error) {
        if (!isRefusal(error))
            throw error;
        return { ...NOTHING, sets: 1, refused: 1, refusals: [`trial ${number} ${family}: ${error.message}`] };
    }
    const alone = differing.find((probe) => differsAlone(ground, family, text, probe));
    const shown = alone ?? differing[0];
    const mismatches = shown ? [mismatchText(ground, family, text, shown, { seed, number })] : [];
    // It hangs on what the rules remember of packets before it: then the number of the rule set tells how to see it again.
    if (shown && !alone)
        mismatches.push(`rule set ${number}: differs only after other packets`);
    return { ...NOTHING, sets: 1, agreed, partly, clashed, extensions, differing: differing.length, mismatches };
}
/** Packets to send before the kernel's account of them is read. */
const BATCH = 16;
function drawn(aim, isNew, count) {
    const probes = [];
    for (let tries = 0; probes.length < count && tries < count * 8; tries += 1) {
        const probe = aim.probe();
        if (isNew(probe))
            probes.push(probe);
    }
    return probes;
}
function agreement(compare) {
    try {
        return compare();
    }
    catch (error) {
        if (error instanceof Mismatch)
            return 'differs';
        throw error;
    }
}
/** Whether the packet differs as the first that such a namespace sees. */
export function differsAlone(ground, family, text, probe) {
    const session = openSession(ground, family, text);
    try {
        const [account] = session.send([probe]);
        return agreement(() => session.compare(probe, account)) === 'differs';
    }
    finally {
        session.close();
    }
}
/** What is said of rules that a tool does not take: the kernel's, or Sidestep's own. */
export const isRefusal = (error) => error instanceof Refused || error instanceof InputRefused;

import { explore } from '../../../src/trace/decisions.ts';
import { prepareWalk } from '../../../src/trace/index.ts';
import { mismatchIn } from './compare.ts';
import { load } from './loaded.ts';
import { openMachine, readWorld, WORLDS } from './machine.ts';
import { questionOf } from './probe.ts';
import { sendProbe } from './send.ts';
import { tuples } from './tuples.ts';
/** Reads each world once. */
export async function readGrounds(backend) {
    const grounds = [];
    for (const world of WORLDS)
        grounds.push({ world, base: await readWorld(world), backend });
    return grounds;
}
/** The kernel's choices that are followed for one packet. */
const MOST_WAYS = 64;
export const PROXY_PORTS = [15001, 15006];
/** Throws Refused where the kernel does not take the rules, and InputRefused where Sidestep does not. */
export function openSession({ world, base, backend }, family, text) {
    const machine = openMachine(world);
    try {
        const names = (base.interfaces ?? []).reduce((all, { name, index }) => {
            all[index] = name;
            return all;
        }, []);
        const loaded = load(machine, { backend, family, text }, names);
        const { targets, extensions, accounts, counted } = loaded;
        const snapshot = { ...base, ...loaded.snapshot };
        const walk = prepareWalk(snapshot, PROXY_PORTS);
        let last = 0;
        const sent = (probes) => {
            const first = last;
            for (const probe of probes) {
                last = (last + 1) & 0xffff;
                sendProbe(machine, probe, last);
            }
            machine.receiver.receive((message) => accounts.take(message));
            return probes.map((_, index) => accounts.of((first + index + 1) & 0xffff));
        };
        // Counters do not tell packets apart.
        const send = counted ? (probes) => probes.map((probe) => counted(sent([probe])[0])) : sent;
        return {
            snapshot,
            targets,
            extensions,
            isNew: tuples(),
            send,
            sendAnew(probe) {
                machine.forget();
                return send([probe])[0];
            },
            compare(probe, account) {
                const question = questionOf(probe);
                let furthest;
                // Where the kernel may choose among addresses or ports, its choice is one of the ways.
                const agreement = (asked) => explore((decide) => {
                    const comparison = loaded.comparison(account, asked);
                    try {
                        const { outcome, packet } = walk(question, { witness: comparison, decide });
                        return comparison.ended(outcome, packet) === undefined;
                    }
                    catch (error) {
                        const mismatch = mismatchIn(error);
                        if (!mismatch)
                            throw error;
                        if (!furthest || mismatch.agreed > furthest.agreed)
                            furthest = mismatch;
                        return undefined;
                    }
                }, MOST_WAYS).ways.find(({ result }) => result !== undefined)?.result;
                const agreed = agreement(true) ?? (counted ? agreement(false) : undefined);
                if (agreed === undefined)
                    throw furthest;
                return agreed;
            },
            close() {
                loaded.close();
                machine.close();
            },
        };
    }
    catch (error) {
        machine.close();
        throw error;
    }
}

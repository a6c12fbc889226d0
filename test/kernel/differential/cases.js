import { readdirSync, readFileSync } from 'node:fs';
import { caseText } from './mismatch.ts';
/** Seen from the repository's root, where npm runs its scripts. */
const FOLDER = 'test/cases/differential';
/**
 * Sends the packet of each case of test/cases/differential again, and compares: what the kernel says now with what it said
 * then, and with Sidestep. Returns, as text, the cases that differ.
 */
export function differingCases(grounds) {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
    if (files.length === 0)
        throw new Error(`there are no cases in ${FOLDER}`);
    return files.flatMap((name) => {
        const text = readFileSync(`${FOLDER}/${name}`, 'utf8');
        const now = replayed(grounds, text);
        return now === text ? [] : [`${FOLDER}/${name} now reads\n${now}`];
    });
}
function replayed(grounds, text) {
    const [head = '', rules = '', packet = ''] = text.split(/^== /m);
    const setting = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1] ?? '';
    const backend = setting('backend') || 'nft';
    const ground = grounds.find((one) => one.world.name === setting('world') && one.backend === backend);
    if (!ground)
        throw new Error(`there is no world ${setting('world')}`);
    const end = rules.indexOf('\n');
    const family = rules.slice(0, end);
    const probes = readProbes(packet);
    const [title, last] = [setting('title'), probes.at(-1)];
    return caseText(ground, family, `${rules.slice(end + 1).trimEnd()}\n`, last, title, probes.slice(0, -1));
}
/** The last one is compared; those before it are only sent. */
const readProbes = (section) => section
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line, revived));
const revived = (_, value) => typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;

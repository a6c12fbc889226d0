import { FAMILIES } from '../../src/address/index.ts';
import { RequestRefused, summarise } from '../../src/interception/index.ts';
import { InputRefused, printNft, printSave, printSnapshot } from '../../src/text/index.ts';
import { parseQuestion, QuestionRefused, trace } from '../../src/trace/index.ts';
import { seeded } from '../support/random.ts';
import { FORMATS } from './formats.ts';
import { harmed } from './harm.ts';
/** No input may take longer to read, in seconds of this process. */
const MOST_SECONDS = 1;
/** Nor to be read, printed, summed up and followed. */
const MOST_IN_ALL = 4;
/** Longer texts are cut off: all of it is about what is wrong with them, not about how much they hold. */
const MOST_CHARACTERS = 200_000;
/** The input of a number: the same for the same seed. */
export function inputOf(seed, number, formats) {
    const random = seeded(seed * 1_000_003 + number);
    const format = formats[number % formats.length];
    const other = random.pick(FORMATS);
    let text = format.whole(random);
    for (let left = random.pick([0, 1, 1, 1, 2, 3, 5]); left > 0; left -= 1)
        text = harmed(text, random.oneIn(3) ? other.whole(random) : '', random);
    text = text.slice(0, MOST_CHARACTERS);
    return { format, text, keepGoing: random.oneIn(3), family: random.oneIn(4) ? random.pick(FAMILIES) : undefined };
}
export function attempt({ format, text, keepGoing, family }) {
    const read = timed(() => format.read(text, { keepGoing, ...(family ? { family } : {}) }));
    const { result, failure, seconds } = read;
    const used = result && timed(() => use(result));
    const whole = seconds + (used?.seconds ?? 0);
    const slow = seconds > MOST_SECONDS
        ? `took ${seconds.toFixed(1)} s`
        : whole > MOST_IN_ALL
            ? `took ${whole.toFixed(1)} s in all`
            : undefined;
    const wrong = (failure === 'refused' ? undefined : failure) ?? used?.failure ?? slow;
    return { read: failure === undefined, seconds, ...(wrong === undefined ? {} : { failure: wrong }) };
}
function timed(work) {
    const before = process.cpuUsage();
    const spent = () => {
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1e6;
    };
    try {
        const result = work();
        return { result, seconds: spent() };
    }
    catch (error) {
        return { failure: failureOf(error), seconds: spent() };
    }
}
function failureOf(error) {
    if (error instanceof InputRefused)
        return placed(error.diagnostics) ? 'refused' : 'a diagnostic without a place';
    if (error instanceof QuestionRefused)
        return error.position >= 1 ? 'refused' : 'a diagnostic without a place';
    if (error instanceof RequestRefused)
        return error.problems.length > 0 ? 'refused' : 'nothing is said to be wrong';
    return error instanceof Error ? `threw ${error.stack}` : `threw ${error}`;
}
const placed = (diagnostics) => diagnostics.length > 0 && diagnostics.every(({ line, column }) => line >= 1 && column >= 1);
/** What was read can be printed, recognised, and followed. */
function use(snapshot) {
    for (const { rules, backend } of snapshot.held)
        printSave(rules, { backend });
    if (snapshot.native)
        printNft(snapshot.native, { state: true, handles: true });
    printSnapshot(snapshot);
    summarise(snapshot, 0);
    for (const packet of ['in tcp/8888', 'out udp > [2001:db8::9]:53 uid 1000']) {
        try {
            trace(snapshot, parseQuestion(packet, snapshot), [15001]);
        }
        catch (error) {
            // A host without such addresses has no such packet.
            if (!(error instanceof QuestionRefused))
                throw error;
        }
    }
}
/** The first words of a failure: what has to stay the same while an input is made smaller. */
export const kindOf = (failure) => /^threw (.*)/.exec(failure)?.[1]?.replace(/\d+/g, 'N').slice(0, 60) ?? failure.slice(0, 4);

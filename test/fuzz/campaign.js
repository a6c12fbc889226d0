import { attempt, inputOf } from './attempt.ts';
import { shrunk } from './shrink.ts';
export function runCampaign({ seed, formats, from, more, beat, count, fail }) {
    for (let number = from; more(number); number += 1) {
        beat?.(number);
        const input = inputOf(seed, number, formats);
        const { read, seconds, failure } = attempt(input);
        const { name } = input.format;
        count(name, { inputs: 1, read: read ? 1 : 0, seconds, bytes: input.text.length });
        if (failure === undefined)
            continue;
        // On a busy machine a collection of garbage may fall into any input: what is slow is slow again.
        if (failure.startsWith('took') && attempt(input).failure === undefined)
            continue;
        fail({ format: name, number, why: failure, text: shrunk(input, failure) });
    }
}
export const added = (one, other) => one
    ? {
        inputs: one.inputs + other.inputs,
        read: one.read + other.read,
        seconds: Math.max(one.seconds, other.seconds),
        bytes: one.bytes + other.bytes,
    }
    : other;

import { attempt, kindOf } from './attempt.ts';
/** A smaller text that fails in the same way: pieces of it left out, large ones first, for so many seconds at most. */
export function shrunk(input, failure, seconds = 20) {
    const end = Date.now() + seconds * 1000;
    const kind = kindOf(failure);
    const fails = (text) => {
        const { failure: other } = attempt({ ...input, text });
        return other !== undefined && kindOf(other) === kind;
    };
    let { text } = input;
    for (let size = text.length >> 1; size >= 1; size = size > 1 ? size >> 1 : 0) {
        for (let at = 0; at < text.length && Date.now() < end;) {
            const without = text.slice(0, at) + text.slice(at + size);
            if (fails(without))
                text = without;
            else
                at += size;
        }
    }
    return text;
}

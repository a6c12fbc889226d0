const MOST_ATTEMPTS = 12;
/**
 * Loads a script for `nft -f` into a namespace that holds nothing else, without the lines that nft or the kernel refuses:
 * which rules are taken depends on how the kernel was built. False where it cannot be loaded at all, or nft crashes over it.
 */
export function loadNft(scratch, script) {
    const lines = script.split('\n');
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        const { status, stderr } = scratch.run(['nft', '-f', '-'], { input: `flush ruleset\n${lines.join('\n')}` });
        if (status === 0)
            return canList(scratch);
        const refused = new Set([...stderr.matchAll(/^[^:\n]+:(\d+):[\d-]+: Error/gm)].map((found) => Number(found[1])));
        if (refused.size === 0)
            return false;
        // The first line is the flush.
        for (const number of refused)
            lines[number - 2] = '';
    }
    return false;
}
/** nft 1.0.6 loads rules over which it then crashes. */
const canList = (scratch) => [
    ['nft', 'list', 'ruleset'],
    ['nft', '-n', '-n', 'list', 'ruleset'],
    ['nft', '-j', 'list', 'ruleset'],
].every((command) => scratch.run(command).status === 0);

import { expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';
import { FORMATS } from './formats.ts';
/** `npm run fuzz` goes on for longer. */
const INPUTS = 600;
test('harmed texts of every format are read or refused, and nothing else', { timeout: 120_000 }, () => {
    const failures = [];
    const seen = new Set();
    runCampaign({
        seed: 20261125,
        formats: FORMATS,
        from: 0,
        more: (number) => number < INPUTS,
        count: (format) => seen.add(format),
        fail: (failure) => failures.push(failure),
    });
    expect(failures).toEqual([]);
    expect(seen.size).toBe(FORMATS.length);
});

import { expect, test } from 'vitest';
import { churn } from '../churn/churn.ts';
import { ENGINES } from '../proxy/loopback.ts';
test.each(ENGINES)('engine %s: every byte is right while ends stall, reset, half-close and are killed', async (engine) => {
    const options = { engine, seconds: 5, seed: 7, together: 10, killEvery: 2, say: () => { } };
    expect((await churn(options)).problems).toEqual([]);
});

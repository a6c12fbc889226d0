import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseNft, parseNftJson, printNft } from '../../src/text/index.ts';
import { loadNft } from '../support/load-nft.ts';
import { openScratch } from '../support/namespace.ts';
import { shownByBoth } from '../support/nft-shown.ts';
import { seeded } from '../support/random.ts';
import { randomNftRuleSet } from '../support/random-nft.ts';
/** How many random rule sets; SEEDS=1000 for a long run, from SEED on. */
const SEEDS = Number(process.env.SEEDS ?? 40);
const FIRST = Number(process.env.SEED ?? 1);
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
const listed = (...flags) => scratch.must(['nft', ...flags, 'list', 'ruleset']);
/** What nft says of the rules that are loaded is read in every form, and printed back as it stands. */
function check() {
    const text = listed();
    expect(printNft(parseNft(text), { state: true })).toBe(text);
    const handles = listed('-a');
    const tables = parseNft(handles);
    expect(printNft(tables, { state: true, handles: true })).toBe(handles);
    const stateless = listed('-s');
    expect(printNft(parseNft(stateless))).toBe(stateless);
    parseNft(listed('-n', '-n'));
    expect(shownByBoth(parseNftJson(listed('-j')))).toEqual(shownByBoth(tables));
    expect(JSON.stringify(tables, plain)).not.toContain('"kind":"opaque"');
}
const plain = (_, value) => (typeof value === 'bigint' ? String(value) : value);
const FOLDER = new URL('../cases/nft/', import.meta.url);
const names = readdirSync(FOLDER).filter((file) => file.endsWith('.txt'));
describe('what nft lists of native rule sets is read and printed back', () => {
    test.for(names)('%s', (name) => {
        expect(loadNft(scratch, readFileSync(new URL(name, FOLDER), 'utf8'))).toBe(true);
        check();
    });
    test(`${SEEDS} random rule sets from seed ${FIRST}`, { timeout: 60_000 + SEEDS * 4000 }, () => {
        let loaded = 0;
        for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
            const script = randomNftRuleSet(seeded(seed));
            if (!loadNft(scratch, script))
                continue;
            loaded += 1;
            try {
                check();
            }
            catch (error) {
                throw new Error(`seed ${seed}`, { cause: error });
            }
        }
        expect(loaded).toBeGreaterThan(SEEDS * 0.8);
    });
    test('a colon behind a key needs no blanks around it', () => {
        const script = `table inet t {
	map verdicts {
		type inet_service : verdict
		elements = { 22:accept, 23 :drop,24: jump c }
	}
	map ends {
		type ipv4_addr . inet_service : ipv4_addr . inet_service
		elements = { 10.0.0.1 . 80:10.0.0.2 . 8080 }
	}
	map six {
		type ipv6_addr : verdict
		elements = { 2001:db8::1: accept, fe80::1 :drop }
	}
	chain c {
		iifname vmap { lo:accept, "eth0":drop }
		ip saddr vmap { 10.0.0.0/8:accept, 192.168.0.1-192.168.0.9:jump d }
	}
	chain d {
	}
}
`;
        expect(loadNft(scratch, script)).toBe(true);
        expect(shownByBoth(parseNft(script))).toEqual(shownByBoth(parseNft(listed())));
    });
});

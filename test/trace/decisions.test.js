import { expect, test } from 'vitest';
import { explore, hangsOn } from '../../src/trace/decisions.ts';
const doubt = (name) => ({ where: name, because: `${name} is open`, yes: `${name}`, no: `not ${name}` });
test('every combination is walked once, yes first', () => {
    const { ways, complete } = explore((decide) => [decide('a', doubt('a')), decide('b', doubt('b'))], 64);
    expect(ways.map(({ result }) => result)).toEqual([
        [true, true],
        [true, false],
        [false, true],
        [false, false],
    ]);
    expect(complete).toBe(true);
});
test('only what is asked is varied, and an equal key has one answer within a walk', () => {
    const walk = (decide) => (decide('a', doubt('a')) ? decide('a', doubt('a')) : decide('b', doubt('b')));
    expect(explore(walk, 64).ways.map(({ result }) => result)).toEqual([true, true, false]);
});
test('the number of walks is bounded, and the bound is told', () => {
    const walk = (decide) => Array.from({ length: 30 }, (_, n) => decide(String(n), doubt(String(n))));
    const { ways, complete } = explore(walk, 64);
    expect(ways).toHaveLength(64);
    expect(complete).toBe(false);
});
test('where the bound leaves ways out, what hangs on one doubt alone is found, wherever it stands', () => {
    for (const telling of [0, 15, 29]) {
        const walk = (decide) => Array.from({ length: 30 }, (_, n) => decide(String(n), doubt(String(n)))).findIndex((yes) => !yes) === telling;
        const { ways, complete } = explore(walk, 64);
        expect(ways.some(({ result }) => result)).toBe(true);
        expect(complete).toBe(false);
    }
});
test('a result hangs on those decisions only that could have changed it', () => {
    // b decides, but only where a holds; c never does.
    const walk = (decide) => {
        const a = decide('a', doubt('a'));
        const b = decide('b', doubt('b'));
        decide('c', doubt('c'));
        return a && b ? 'dropped' : 'app';
    };
    const { ways } = explore(walk, 64);
    const relevant = ways.map((way) => hangsOn(way, ways, String).map(({ where }) => where));
    expect(relevant[0]).toEqual(['a', 'b']);
    expect(relevant.at(-1)).toEqual(['a']);
});

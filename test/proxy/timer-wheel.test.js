import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimerWheel } from '../../src/proxy/epoll/timer-wheel.ts';
/** How late a deadline may be met. */
const TICK = 16;
const timer = (expired) => ({ deadline: 0, slot: -1, before: undefined, after: undefined, expired });
test('each deadline is met once, never early, and at most a tick after the time has come', () => {
    const steps = fc.array(fc.oneof(fc.record({ set: fc.nat(9), after: fc.nat(60_000) }), fc.record({ clear: fc.nat(9) }), fc.record({ pass: fc.nat(40_000) })), { maxLength: 60 });
    fc.assert(fc.property(steps, fc.nat(1e9), (given, start) => {
        let now = start;
        const wheel = new TimerWheel(now);
        const due = new Map();
        const timers = Array.from({ length: 10 }, (_, index) => timer(() => {
            expect(due.get(index)).toBeLessThanOrEqual(now);
            due.delete(index);
        }));
        for (const step of given) {
            if ('set' in step) {
                wheel.set(timers[step.set], now + step.after);
                due.set(step.set, now + step.after);
            }
            else if ('clear' in step) {
                wheel.clear(timers[step.clear]);
                due.delete(step.clear);
            }
            else {
                now += step.pass;
                wheel.advance(now);
                for (const deadline of due.values())
                    expect(deadline).toBeGreaterThan(now - 2 * TICK);
            }
            const wait = wheel.wait(now);
            const next = Math.min(...due.values());
            if (due.size === 0)
                expect(wait).toBe(-1);
            else
                expect(wait).toBeLessThanOrEqual(Math.max(0, next - now) + 2 * TICK);
        }
    }));
});
test('whoever waits as long as it is told to is not woken for nothing more than once a turn', () => {
    let now = 0;
    const wheel = new TimerWheel(now);
    let expired = 0;
    wheel.set(timer(() => {
        expired += 1;
    }), 3_600_000);
    let woken = 0;
    for (; expired === 0; woken += 1) {
        now += Math.max(1, wheel.wait(now));
        wheel.advance(now);
    }
    expect(now).toBeLessThan(3_600_000 + 2 * TICK);
    expect(woken).toBeLessThan(10);
});
test('a timer that expires may set itself and others anew', () => {
    const wheel = new TimerWheel(0);
    const met = [];
    let now = 0;
    const second = timer(() => met.push(['second', now]));
    const first = timer(() => {
        met.push(['first', now]);
        if (now < 200)
            wheel.set(first, 200);
        wheel.set(second, 300);
    });
    // Due in the same tick: whichever comes first, the other is moved or has been met.
    wheel.set(second, 100);
    wheel.set(first, 100);
    for (; now < 500; now += 10)
        wheel.advance(now);
    expect(met.filter(([name]) => name === 'first')).toHaveLength(2);
    expect(met.at(-1)?.[0]).toBe('second');
    expect(met.at(-1)?.[1]).toBeGreaterThanOrEqual(300);
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { openNamespace, readSnapshot } from '../../src/linux/index.ts';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { CLIENT, openPair, POD } from '../support/namespace.ts';
// A rule of `ip rule from` does not see a source that the kernel chooses after the route: a UDP socket that is not connected.
let pair;
beforeEach(async () => {
    pair = await openPair();
    pair.pod.must(['ip', 'rule', 'add', 'pref', '100', 'from', POD.ipv4, 'to', CLIENT.ipv4, 'unreachable']);
});
afterEach(() => pair.close());
/** What a datagram to the client comes to: '' where it is sent. */
function sent(bound, connected) {
    const send = connected
        ? `s.connect(53,'${CLIENT.ipv4}',(e)=>e?end(e):s.send('x',end))`
        : `s.send('x',53,'${CLIENT.ipv4}',end)`;
    const program = `const s=require('dgram').createSocket('udp4');const end=(e)=>{console.log(e?e.code:'');process.exit()};s.on('error',end);s.bind(0,'${bound ? POD.ipv4 : '0.0.0.0'}',()=>${send})`;
    return pair.pod.must([process.execPath, '-e', program]).trim();
}
test('UDP without a source of its own: it hangs on whether the socket is connected', async () => {
    const snapshot = await readSnapshot(openNamespace({ pid: pair.pod.pid }));
    const trace = prepare(snapshot, []);
    const follow = (text) => trace(parseQuestion(text, snapshot));
    expect(sent(true, false)).toBe('ENETUNREACH');
    expect(follow(`out udp ${POD.ipv4} > ${CLIENT.ipv4}:53`).outcome.kind).toBe('dropped');
    expect([sent(false, false), sent(false, true)]).toEqual(['', 'ENETUNREACH']);
    const { outcome, possible } = follow(`out udp > ${CLIENT.ipv4}:53`);
    expect(outcome).toMatchObject({ kind: 'unknown', because: expect.stringContaining('connects its UDP socket') });
    expect(possible.map(({ outcome }) => outcome.kind).sort()).toEqual(['dropped', 'sent']);
});

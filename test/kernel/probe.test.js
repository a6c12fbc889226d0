import { afterEach, describe, expect, test } from 'vitest';
import { probeIn, startPeer, startProxyIn } from '../proxy/namespaced.ts';
import { BY_MARK, BY_OWNER, loadIstio, loadIstio2018, PROXY_MARK } from '../proxy/rules.ts';
import { openPair, WAYS } from '../support/namespace.ts';
let pair;
const others = [];
afterEach(() => {
    for (const { close } of others.splice(0))
        close();
    pair?.close();
});
const TODAY = {
    dialect: 'istio',
    families: ['ipv4', 'ipv6'],
    outboundPort: 15001,
    inboundPort: 15006,
    proxy: { uid: 1337, gid: 1337 },
    timeout: 1000,
};
const BY_ITS_MARK = { ...TODAY, proxy: { mark: PROXY_MARK } };
describe.each(WAYS)('the live probe, $title', ({ options }) => {
    const openWithRules = async () => {
        pair = await openPair(options);
        loadIstio(pair.pod, pair.pod.manyUsers ? BY_OWNER : BY_MARK);
        return { pod: pair.pod, asked: pair.pod.manyUsers ? TODAY : BY_ITS_MARK };
    };
    test('arrives on the inbound port with its original address and port, in both families', async () => {
        const { pod, asked } = await openWithRules();
        expect(await probeIn(pod, asked)).toMatchObject([
            {
                outcome: 'redirected',
                witness: 'listener',
                explanation: '127.0.0.6:15002 arrived on port 15006 with its original destination',
            },
            {
                outcome: 'redirected',
                witness: 'listener',
                explanation: '[::6]:15002 arrived on port 15006 with its original destination',
            },
        ]);
    });
    test('beside a running proxy, the kernel’s socket table is the witness', async () => {
        const { pod, asked } = await openWithRules();
        const proxy = await startProxyIn(pod, pod.manyUsers ? {} : { mark: PROXY_MARK }, pod.manyUsers ? { uid: 1337 } : {});
        others.push(proxy);
        expect(await probeIn(pod, asked)).toMatchObject([
            { outcome: 'redirected', witness: 'socket table' },
            { outcome: 'redirected', witness: 'socket table' },
        ]);
        expect(await running(proxy)).toBe(true);
    });
    test('without rules it is missed', async () => {
        pair = await openPair(options);
        const asked = pair.pod.manyUsers ? TODAY : BY_ITS_MARK;
        expect(await probeIn(pair.pod, { ...asked, families: ['ipv4'] })).toMatchObject([
            {
                outcome: 'missed',
                explanation: '127.0.0.6:15002 was refused: nothing redirects it to port 15006, or a rule rejects it',
            },
        ]);
        const app = startPeer(pair.pod);
        others.push(app);
        await app.do('serve', { port: 15002, as: 'hold' });
        expect(await probeIn(pair.pod, { ...asked, families: ['ipv4'] })).toMatchObject([
            { outcome: 'missed', explanation: '127.0.0.6:15002 was reached directly' },
        ]);
    });
    test('a redirect to another port is told from the right one', async () => {
        const { pod, asked } = await openWithRules();
        pod.must([
            'iptables',
            '-t',
            'nat',
            '-R',
            'ISTIO_IN_REDIRECT',
            '1',
            '-p',
            'tcp',
            '-j',
            'REDIRECT',
            '--to-ports',
            '15005',
        ]);
        const app = startPeer(pod);
        others.push(app);
        await app.do('serve', { port: 15005, as: 'hold' });
        expect(await probeIn(pod, { ...asked, families: ['ipv4'] })).toMatchObject([
            { outcome: 'altered', explanation: '127.0.0.6:15002 arrived on port 15005 instead of 15006' },
        ]);
    });
    test('the rules of 2018 redirect whoever sends', async () => {
        pair = await openPair(options);
        loadIstio2018(pair.pod, pair.pod.manyUsers ? BY_OWNER : BY_MARK);
        const asked = { ...TODAY, dialect: 'istio-2018', families: ['ipv4'], inboundPort: 15001 };
        expect(await probeIn(pair.pod, asked)).toMatchObject([{ outcome: 'redirected', witness: 'listener' }]);
        const own = pair.pod.manyUsers ? [{}, { uid: 1337 }] : [{ mark: PROXY_MARK }, {}];
        others.push(await startProxyIn(pair.pod, { dialect: 'istio-2018', ...own[0] }, own[1]));
        expect(await probeIn(pair.pod, asked)).toMatchObject([{ outcome: 'redirected', witness: 'socket table' }]);
    });
});
test.runIf(process.getuid?.() === 0)('a user who may not speak as the proxy proves the outbound half', async () => {
    pair = await openPair();
    loadIstio(pair.pod, BY_OWNER);
    const [v4, v6] = await probeIn(pair.pod, TODAY, { uid: 1000 });
    expect(v4).toMatchObject({
        outcome: 'redirected',
        explanation: '192.0.2.1:15002 arrived on port 15001 with its original destination',
    });
    expect(v6).toMatchObject({ outcome: 'redirected', request: { destination: { address: '2001:db8:ffff::1' } } });
    // Where not all outbound traffic is caught, that would prove nothing.
    expect(await probeIn(pair.pod, { ...TODAY, allOutbound: false, families: ['ipv4'] }, { uid: 1000 })).toMatchObject([
        { outcome: 'impossible' },
    ]);
});
const running = async (proxy) => proxy.descriptors() > 0;

import { expect, test } from 'vitest';
import { PROXY_DEFAULTS, ProxyConfigRefused, settingsOf } from '../../src/proxy/index.ts';
import { connectionLimit } from '../../src/proxy/limits.ts';
const problems = (config) => {
    try {
        settingsOf(config);
        return [];
    }
    catch (error) {
        if (error instanceof ProxyConfigRefused)
            return error.problems;
        throw error;
    }
};
test('nothing given: today’s Istio', () => {
    expect(settingsOf({})).toEqual(PROXY_DEFAULTS);
});
test('2018: one port, and the loopback', () => {
    expect(settingsOf({ dialect: 'istio-2018' })).toMatchObject({
        outboundPort: 15001,
        inboundPort: 15001,
        inboundUpstream: 'loopback',
        inboundSource: 'proxy',
    });
    expect(settingsOf({ dialect: 'istio-2018', outboundPort: 4140 }).inboundPort).toBe(4140);
    expect(settingsOf({ dialect: 'istio-2018', mode: 'TPROXY' }).inboundSource).toBe('proxy');
});
test('TPROXY keeps the client’s address unless told otherwise', () => {
    expect(settingsOf({ mode: 'TPROXY' }).inboundSource).toBe('client');
    expect(settingsOf({ mode: 'TPROXY', inboundSource: 'proxy' }).inboundSource).toBe('proxy');
    expect(settingsOf({ mode: 'TPROXY', inboundUpstream: 'loopback' }).inboundSource).toBe('proxy');
});
test('half a drain is completed', () => {
    expect(settingsOf({ drain: { timeout: 1 } }).drain).toEqual({ notice: 5000, timeout: 1 });
});
test('all problems are said at once, each with its field', () => {
    expect(problems({ outboundPort: 70000, connectTimeout: 0, readinessPort: 15006, mark: -1 })).toEqual([
        'outboundPort: a port from 0 to 65535 expected, not 70000',
        'readinessPort: 15006 is also a port that the proxy takes connections on',
        'mark: a mark from 0 to 4294967295 expected, not -1',
        'connectTimeout: a time from 1 ms to 24 days expected, not 0 ms',
    ]);
    expect(problems({ readinessPort: 9000, metricsPort: 9000, adminPort: 0 })).toEqual([
        'metricsPort: 9000 is also the readinessPort',
    ]);
    expect(problems({ address: 'localhost' })).toEqual(['address: an IPv4 or IPv6 address expected, not "localhost"']);
    expect(problems({ inboundSource: 'client', inboundUpstream: 'loopback' })).toEqual([
        expect.stringContaining('inboundSource: '),
    ]);
});
test('the limit of connections is never above what open files allow, two for each connection', () => {
    expect(connectionLimit(10_000, 2, 1_000_000)).toBe(10_000);
    expect(connectionLimit(10_000, 2, 1024)).toBe(240);
    expect(connectionLimit(10_000, 1, 1024)).toBe(480);
});

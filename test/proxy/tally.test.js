import { expect, test } from 'vitest';
import { LONGEST, Tally } from '../../src/proxy/tally.ts';
const record = (more) => ({
    start: 0,
    duration: 20,
    direction: 'outbound',
    peer: undefined,
    destination: { family: 'ipv4', address: '10.0.0.7', port: 443 },
    upstream: undefined,
    upstreamLocal: undefined,
    cluster: undefined,
    spoken: undefined,
    received: 1,
    sent: 2,
    flag: undefined,
    details: undefined,
    failure: undefined,
    ...more,
});
test('connections to one destination that ended alike are counted together', () => {
    const tally = new Tally();
    for (const more of [{}, {}, { flag: 'UC' }, { direction: 'inbound' }, { direction: undefined }])
        tally.add(record(more));
    expect(tally.ended).toEqual([
        { direction: 'outbound', destination: '10.0.0.7:443', flags: '-', connections: 2, received: 2, sent: 4 },
        { direction: 'outbound', destination: '10.0.0.7:443', flags: 'UC', connections: 1, received: 1, sent: 2 },
        { direction: 'inbound', destination: ':443', flags: '-', connections: 1, received: 1, sent: 2 },
        { direction: 'unknown', destination: '10.0.0.7:443', flags: '-', connections: 1, received: 1, sent: 2 },
    ]);
});
test('no more than so many destinations are told apart, whoever is called', () => {
    const tally = new Tally();
    for (let port = 1; port <= 5000; port += 1)
        tally.add(record({ destination: { family: 'ipv4', address: '10.0.0.7', port } }));
    expect(tally.ended).toHaveLength(201);
    expect(tally.ended.at(-1)).toMatchObject({ destination: 'other', connections: 4800 });
    const known = record({ destination: { family: 'ipv4', address: '10.0.0.7', port: 7 } });
    expect(tally.open([known, record({ destination: undefined })])).toEqual([
        { direction: 'outbound', destination: '10.0.0.7:7', connections: 1 },
        { direction: 'outbound', destination: 'other', connections: 1 },
    ]);
});
test('connections are counted by what their clients spoke', () => {
    const tally = new Tally();
    const http = { spoken: { protocol: 'HTTP/1.1' } };
    for (const more of [http, http, { ...http, direction: 'inbound' }, {}, { received: 0 }])
        tally.add(record(more));
    expect(tally.spoken).toEqual([
        { direction: 'outbound', protocol: 'HTTP/1.1', connections: 2 },
        { direction: 'inbound', protocol: 'HTTP/1.1', connections: 1 },
        { direction: 'outbound', protocol: 'other', connections: 1 },
        { direction: 'outbound', protocol: 'none', connections: 1 },
    ]);
});
test('durations are counted by the shortest time that they fit in', () => {
    const tally = new Tally();
    for (const duration of [0, 5, 6, 3_600_000, 3_600_001])
        tally.add(record({ duration }));
    const [durations] = tally.durations;
    expect(durations).toMatchObject({ direction: 'outbound', connections: 5 });
    expect(durations?.counts).toEqual(LONGEST.map((_, at) => [2, 1, 0, 0, 0, 0, 1][at]));
});

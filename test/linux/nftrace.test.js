import { expect, test } from 'vitest';
import { readTraceMessage } from '../../src/linux/nftrace/index.ts';
/** A netlink message as the kernel (6.18) sent it: a jump in mangle PREROUTING, the first message of its base chain. */
const attribute = (type, hex, text = '') => {
    const value = text === '' ? Buffer.from(hex, 'hex') : Buffer.from(`${text}\0`);
    const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
    bytes.writeUInt16LE(4 + value.length, 0);
    bytes.writeUInt16LE(type, 2);
    value.copy(bytes, 4);
    return bytes;
};
const NESTED = 0x8000;
const message = (...attributes) => {
    const body = Buffer.concat([Buffer.from([2, 0, 0, 0]), ...attributes]);
    const header = Buffer.alloc(16);
    header.writeUInt32LE(16 + body.length, 0);
    header.writeUInt16LE(0x0a11, 4);
    return Buffer.concat([header, body]);
};
const common = [attribute(15, '00000002'), attribute(4, '00000003'), attribute(6, '6f032b6a')];
const place = [attribute(2, '', 'PREROUTING'), attribute(1, '', 'mangle')];
test('a rule that matched, with all that the first message of a chain tells', () => {
    const network = '4500002800010000400666c20a0000090a000005';
    const transport = '1f40005000000001000000005002040078440000';
    const read = readTraceMessage(message(...common, ...place, attribute(3, '0000000000000004'), attribute(5 | NESTED, '08000100fffffffd0600020058000000'), attribute(14, '80000005'), attribute(10, '00000002'), attribute(11, 'fffe'), attribute(8, network), attribute(9, transport), attribute(21, '00000008'), attribute(19, '00'), attribute(18, '20a916a0'), attribute(20, '00000120')));
    expect(read).toMatchObject({
        id: 0x6f032b6a,
        protocol: 'ipv4',
        family: 2,
        table: 'mangle',
        chain: 'PREROUTING',
        handle: 4,
        verdict: 'jump',
        target: 'X',
        policy: undefined,
        mark: 0x8000_0005,
        first: true,
        iif: 2,
        oif: undefined,
        connection: { id: 0x20a916a0, reply: false, status: 0x120, state: 8 },
    });
    expect(Buffer.from(read.networkHeader).toString('hex')).toBe(network);
    expect(Buffer.from(read.transportHeader).toString('hex')).toBe(transport);
});
test('the policy of a base chain, and a verdict that carries a number', () => {
    const policy = readTraceMessage(message(...common, ...place, attribute(16, '00000000')));
    expect(policy).toMatchObject({ policy: 'drop', handle: undefined, verdict: undefined, mark: 0, first: false });
    const queued = readTraceMessage(message(...common, ...place, attribute(5 | NESTED, '0800010000070003')));
    expect(queued).toMatchObject({ verdict: 'queue', target: undefined });
});
test('a message that is cut short is read as far as it goes', () => {
    const whole = message(...common, ...place, attribute(16, '00000001'));
    for (let length = 0; length < whole.length; length += 1) {
        expect(() => readTraceMessage(whole.slice(0, length))).not.toThrow();
    }
});

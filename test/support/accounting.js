import { attribute, errorIn, joined, stringAttribute } from '../../src/linux/netlink.ts';
import { FLAG, netfilterHeader, numberAttribute } from '../../src/linux/nftables.ts';
/** The accounting objects that `-m nfacct` may name in tests: one without a quota, and one whose quota of packets is soon used up. */
export const ACCOUNTS = ['all', 'after-five'];
/** Source: linux/netfilter/nfnetlink_acct.h. */
const NEW_OBJECT = 7 << 8;
const ATTRIBUTE = { name: 1, packets: 2, bytes: 3, flags: 5, quota: 6 };
const OF_PACKETS = 1;
const wide = (value) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, value);
const objects = () => ACCOUNTS.map((name, index) => ({
    type: NEW_OBJECT,
    flags: FLAG.request | FLAG.ack | FLAG.create,
    payload: joined([
        netfilterHeader(0),
        stringAttribute(ATTRIBUTE.name, name),
        attribute(ATTRIBUTE.packets, wide(0)),
        attribute(ATTRIBUTE.bytes, wide(0)),
        ...(index === 1 ? [numberAttribute(ATTRIBUTE.flags, OF_PACKETS), attribute(ATTRIBUTE.quota, wide(5))] : []),
    ]),
}));
/** Makes them in the namespace that the socket speaks for. */
export function makeAccounts(netlink) {
    const refused = netlink
        .exchange(objects())
        .map(errorIn)
        .find((error) => error !== 0);
    if (refused !== undefined)
        throw new Error(`the kernel makes no accounting object: ${refused}`);
}
const built = new URL('../../dist/linux/netlink.js', import.meta.url).href;
const PROGRAM = `const { openNetlink, errorIn } = await import(process.argv[1]);
const messages = JSON.parse(process.argv[2]).map((one) => ({ ...one, payload: Uint8Array.from(one.payload) }));
process.exit(openNetlink(12).exchange(messages).some((answer) => errorIn(answer) !== 0) ? 1 : 0);`;
/** Makes them in a namespace. */
export function makeAccountsIn(scratch) {
    const messages = objects().map(({ payload, ...rest }) => ({ ...rest, payload: [...payload] }));
    scratch.must([process.execPath, '--input-type=module', '-e', PROGRAM, built, JSON.stringify(messages)]);
}

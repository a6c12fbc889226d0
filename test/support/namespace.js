import { openScratch } from '../../src/linux/scratch.ts';
export { openScratch };
export const CLIENT = { ipv4: '10.0.0.9', ipv6: '2001:db8::9' };
export const POD = { ipv4: '10.0.0.5', ipv6: '2001:db8::5' };
/** Opens a client and a pod with both families, `lo` up, `eth0` on either side and a default route through it. */
export async function openPair(options = {}) {
    const client = await openScratch(options);
    const pod = await client.beside();
    client.must(['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pod.pid)]);
    for (const [scratch, own, other] of [
        [client, CLIENT, POD],
        [pod, POD, CLIENT],
    ]) {
        const lines = [
            'link set lo up',
            `address add ${own.ipv4}/24 dev eth0`,
            `address add ${own.ipv6}/64 dev eth0 nodad`,
            'link set eth0 up',
            `route add default via ${other.ipv4}`,
            `route add default via ${other.ipv6}`,
        ];
        scratch.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    }
    return {
        client,
        pod,
        close() {
            pod.close();
            client.close();
        },
    };
}
/** The MAC address of an interface, as a number. */
export const macOf = (scratch, device) => {
    const [, mac = ''] = /link\/ether ([0-9a-f:]+)/.exec(scratch.must(['ip', 'link', 'show', device])) ?? [];
    return Number(`0x${mac.replaceAll(':', '')}`);
};
/** An ordinary user's uid: what the unprivileged way is tested as when the tests run as root. */
export const ORDINARY_USER = 65534;
/** Root tests both ways; an ordinary user can only be one. */
export const WAYS = process.getuid?.() === 0
    ? [
        { title: 'as root', options: {} },
        { title: 'as an ordinary user', options: { user: ORDINARY_USER } },
    ]
    : [{ title: 'as an ordinary user', options: {} }];

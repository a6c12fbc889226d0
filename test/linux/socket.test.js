import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { fromSockaddr, isLinkLocal, toSockaddr } from '../../src/linux/socket/address.ts';
import { descriptorOf, endpointOf, formatEndpoint, holderOf, parseSocketTable, readLocalAddresses, readSocketTable, takeReset, } from '../../src/linux/socket/index.ts';
import { parseIfInet6, parseLocalTrie } from '../../src/linux/socket/local-addresses.ts';
const servers = [];
afterEach(() => {
    for (const server of servers.splice(0))
        server.close();
});
async function listening() {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { server, port: server.address().port };
}
test('an IPv4 peer of a dual-stack socket is IPv4', () => {
    expect(endpointOf('::ffff:10.0.0.9', 80)).toEqual({ family: 'ipv4', address: '10.0.0.9', port: 80 });
    expect(endpointOf('::1', 80).family).toBe('ipv6');
    expect(formatEndpoint(endpointOf('2001:db8::5', 8080))).toBe('[2001:db8::5]:8080');
});
test.each(['10.0.0.5', '255.255.255.255', '::6', '2001:db8::5', 'fe80::1'])('a sockaddr and back: %s', (address) => {
    const endpoint = endpointOf(address, 15006);
    expect(fromSockaddr(toSockaddr(endpoint))).toEqual(endpoint);
});
test('link-local is fe80::/10', () => {
    expect(['fe80::1', 'febf::1', 'fec0::1', '::1'].map(isLinkLocal)).toEqual([true, true, false, false]);
});
test('/proc/net/tcp in both its forms', () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 4711 1 0000000000000000 100 0 0 10 0
   1: B80D0120000000000000000005000000:1F90 B80D0120000000000000000009000000:9C40 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
`;
    expect(parseSocketTable(text)).toEqual([
        { local: endpointOf('127.0.0.1', 15001), remote: endpointOf('0.0.0.0', 0), state: 10, uid: 1337, inode: 4711 },
        { local: endpointOf('2001:db8::5', 8080), remote: endpointOf('2001:db8::9', 40000), state: 1, uid: 0, inode: 0 },
    ]);
});
test('/proc/net/fib_trie: addresses of this host, not broadcasts or networks', () => {
    const text = `Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.0.0.5
        /32 host LOCAL
     |-- 10.0.0.255
        /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
`;
    expect(parseLocalTrie(text)).toEqual(['10.0.0.5', '127.0.0.1']);
    expect(parseIfInet6('00000000000000000000000000000006 01 80 00 80       lo\n')).toEqual(['::6']);
    expect(readLocalAddresses()).toContain('127.0.0.1');
});
test('the descriptor of a listener and of a connection are the kernel’s, and gone once closed', async () => {
    const { server, port } = await listening();
    const inode = (fd) => readSocketTable().some((entry) => entry.inode === inodeOf(fd));
    expect(inode(descriptorOf(server))).toBe(true);
    const client = connect(port, '127.0.0.1');
    expect(descriptorOf(client)).toBeUndefined();
    await once(client, 'connect');
    expect(inode(descriptorOf(client))).toBe(true);
    expect(takeReset(descriptorOf(client))).toBeUndefined();
    client.destroy();
    await once(client, 'close');
    expect(descriptorOf(client)).toBeUndefined();
});
test('who holds a port', async () => {
    const { port } = await listening();
    expect(holderOf(port)).toMatchObject({ pid: process.pid });
    servers.pop().close();
    expect(holderOf(port)).toBeUndefined();
});
const inodeOf = (fd) => Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]);

import { expect, test } from 'vitest';
import { programOf } from './cases.ts';
const about = (asked, dialect, resolvConf = '') => programOf(asked.split(' ').filter(Boolean), dialect, resolvConf).notices.map((notice) => notice.about);
// What an option voids is said at once: the flags, and what is told about.
test.for([
    ['-b * -d 9090 -i * -x 10.0.0.0/8', []],
    ['-b 8080 -d 9090', ['inbound.exclude']],
    ['-d 9090', ['inbound.exclude']],
    ['-b 8080,15000:15010', ['inbound.include']],
    // In mangle no rule spares the tunnel port.
    ['-m TPROXY -b 15008', []],
    ['-t 1400', ['tproxy']],
    ['-m TPROXY -t 1400 -b *', []],
    ['-m TPROXY', ['mode']],
    ['-x 10.0.0.0/8', ['outbound.exclude']],
    ['-o 5432', ['outbound.exclude']],
    ['-i * -q 80', ['outbound.includePorts']],
    ['-q 80,81 -o 81', ['outbound.includePorts']],
    ['-q 80:90 -o 85', []],
    ['-q 85 -o 80:90', ['outbound.includePorts']],
    ['-i 10.1.0.0/16,11.0.0.0/8 -x 10.0.0.0/8', ['outbound.include']],
    ['-i 127.0.0.1/32', ['outbound.include']],
    ['-i 127.0.0.0/8', []],
    ['-i 10.0.0.0/8 -x 192.168.0.0/16', ['outbound.exclude']],
    ['-i 10.0.0.0/8 -q 80 -x 192.168.0.0/16', []],
    ['-i 10.0.0.0/8 -x 0.0.0.0/0', ['outbound.include']],
    ['-k vnet0', ['interfaces.virtual']],
    ['-k vnet0 -q 80', ['interfaces.virtual']],
    ['-i * -k vnet0 -c vnet0', ['interfaces.virtual']],
    ['ISTIO_OUTBOUND_OWNER_GROUPS=1', ['outbound.ownerGroups']],
    ['ISTIO_OUTBOUND_OWNER_GROUPS=1 --redirect-dns --capture-all-dns', []],
    ['--redirect-dns --capture-all-dns -i * -o 50:60', ['dns.capture']],
    ['-i * ISTIO_OUTBOUND_OWNER_GROUPS=1 ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=2', ['outbound.ownerGroups.exclude']],
    ['-u 3,4', ['proxy.uids']],
    ['-u 0 -g 7', ['proxy']],
    ['--capture-all-dns', ['dns.all']],
    ['--redirect-dns', ['dns.capture']],
    ['-i 10.0.0.0/8,fd00::/8', ['families']],
    ['-i 10.0.0.0/8,fd00::/8 --dual-stack', []],
])('istio: %s', ([asked, expected]) => {
    expect(about(asked, 'istio')).toEqual(expected);
});
test('istio: DNS servers of one family only', () => {
    expect(about('--redirect-dns --dual-stack', 'istio', 'nameserver 10.96.0.10')).toEqual(['dns.capture']);
    expect(about('--redirect-dns', 'istio', 'nameserver 10.96.0.10')).toEqual([]);
});
const IPV6 = 'ENABLE_INBOUND_IPV6=1';
// The first is always that of IPv6.
test.for([
    ['-b 8080', []],
    ['-b *', ['inbound.include']],
    ['-b 22,80 -d 80', ['inbound.exclude']],
    ['-m TPROXY -b 80 -z 15006', ['inboundPort']],
    ['-i 10.0.0.0/8,fd00::/8', ['families']],
    ['-q 80', ['outbound.includePorts']],
    ['-x 10.0.0.0/8', ['outbound.exclude']],
    ['-i 10.0.0.0/8 -x 11.0.0.0/8', ['outbound.exclude']],
    ['-i 10.1.0.0/16 -x 10.0.0.0/8', ['outbound.include']],
    ['-t 1400', ['tproxy']],
    ['-m TPROXY', ['mode']],
    ['-u 0', ['proxy']],
    ['-c eth1', ['interfaces']],
    ['--redirect-dns', ['dns']],
    ['--drop-invalid', ['dropInvalid']],
    ['ISTIO_OUTBOUND_OWNER_GROUPS=1', ['outbound.ownerGroups']],
    ['ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR=127.0.0.0/8', ['loopback']],
])('istio-2018: %s', ([asked, expected]) => {
    const told = about(asked, 'istio-2018');
    expect([...told].sort()).toEqual([...expected, 'families'].sort());
});
test('istio-2018: IPv6 is rejected, or passes the proxy by', () => {
    const messages = (asked) => programOf(asked.split(' '), 'istio-2018').notices.map(({ message }) => message);
    expect(messages('-b 8080')[0]).toContain('inbound IPv6 is rejected');
    expect(messages(`-b 8080 ${IPV6}`)[0]).toContain('passes the proxy by');
});

import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { ADDRESS_TYPE, CTSTATE, CTSTATUS, clockAt, compile, conditionsOf, effectOf, ICMP, ICMPV6, IPV6_HEADERS, makePacket, PACKET_TYPE, predicateOf, SOCKET_LOOKUP, TCP_FLAGS, UDP, } from '../../src/netfilter/index.ts';
import { parseRule } from '../../src/text/index.ts';
const address = (text) => parseAddress(text).value;
const v4 = { family: 'ipv4', destination: address('10.0.0.5') };
const v6 = { family: 'ipv6', destination: address('2001:db8::5') };
/** What a rule's conditions say of a packet: of IPv4 and TCP unless the fields say otherwise. */
function answer(words, fields, table = 'mangle') {
    const packet = makePacket(fields.family === 'ipv6' ? { ...v6, ...fields } : { ...v4, ...fields });
    const rule = parseRule(words, { family: packet.family, table });
    const said = compile(predicateOf(rule, packet.family))(packet);
    return said === 'undecided' ? 'unknown' : said ? 'yes' : 'no';
}
/** Each line: the rule's words, the packet, and what is said of the two. */
const says = (lines) => {
    test.for(lines.map(([words, fields, expected]) => ({ words, fields, expected })))('$words: $expected', ({ words, fields, expected }) => {
        expect(answer(words, fields), JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? String(value) : value))).toBe(expected);
    });
};
const { NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED } = CTSTATE;
const { SYN, ACK, RST } = TCP_FLAGS;
describe('the header', () => {
    says([
        ['-s 10.0.0.0/8', { source: address('10.9.9.9') }, 'yes'],
        ['-s 10.0.0.0/8', { source: address('11.0.0.0') }, 'no'],
        ['! -s 10.0.0.0/8', { source: address('11.0.0.0') }, 'yes'],
        ['-s 10.0.0.0/8', { source: undefined }, 'unknown'],
        ['-d 10.0.0.5', {}, 'yes'],
        ['-d 10.0.0.5/255.0.0.255', {}, 'yes'],
        ['-d 10.0.0.6/255.0.0.255', {}, 'no'],
        ['-d 2001:db8::/32', { family: 'ipv6' }, 'yes'],
        ['! -s 0.0.0.0/0', { source: 1 }, 'no'],
        ['-p udp', {}, 'no'],
        ['! -p udp', {}, 'yes'],
        ['-f', { fragment: 1 }, 'yes'],
        ['! -f', { fragment: 1 }, 'no'],
        ['-i eth0', { in: 'eth0' }, 'yes'],
        ['-i eth+', { in: 'eth12' }, 'yes'],
        ['-i eth+', { in: 'veth' }, 'no'],
        // In a chain that OUTPUT leads to there is no incoming interface (netfilter-semantics 21).
        ['! -i eth0', { in: '' }, 'yes'],
        ['-i +', { in: '' }, 'yes'],
        ['! -i +', { in: '' }, 'no'],
        ['-o lo', { out: undefined }, 'unknown'],
    ]);
});
describe('tcp and udp', () => {
    says([
        ['-p tcp --dport 80:90', { destinationPort: 90 }, 'yes'],
        ['-p tcp ! --dport 80:90', { destinationPort: 90 }, 'no'],
        ['-p tcp --sport :1023', { sourcePort: 1024 }, 'no'],
        ['-p tcp --sport :1023', { sourcePort: undefined }, 'unknown'],
        ['-p tcp --syn', { tcpFlags: SYN }, 'yes'],
        ['-p tcp --syn', { tcpFlags: SYN | ACK }, 'no'],
        ['-p tcp ! --syn', { tcpFlags: ACK }, 'yes'],
        ['-p tcp --tcp-flags SYN,ACK,RST ACK', { tcpFlags: ACK | RST }, 'no'],
        ['-p tcp --tcp-flags ACK SYN', { tcpFlags: SYN | ACK }, 'no'],
        ['-p tcp --tcp-option 5', {}, 'unknown'],
        ['-p tcp --tcp-option 5 --dport 80', { destinationPort: 81 }, 'no'],
        ['-p udp --dport 53', { protocol: UDP, destinationPort: 53 }, 'yes'],
        ['-p udp --dport 53', { destinationPort: 53 }, 'no'],
        // Of a non-first fragment the nft back end takes what stands in the ports' place; a match of the kernel's own is false.
        ['-p tcp --dport 9', { fragment: 1, destinationPort: undefined }, 'unknown'],
        ['-p tcp ! --dport 9', { fragment: 1, destinationPort: undefined }, 'unknown'],
        ['-p tcp ! --dport 9', { fragment: 1, destinationPort: 9 }, 'no'],
        ['-p tcp -m tcp', { fragment: 1 }, 'no'],
        ['-p tcp -m tcp', {}, 'yes'],
        ['-p udp -m udp', { protocol: UDP, fragment: 1 }, 'no'],
        ['-p tcp --tcp-option 5', { fragment: 1 }, 'no'],
        ['-p tcp -m multiport ! --dports 9', { fragment: 1, destinationPort: undefined }, 'no'],
        ['-p tcp -m multiport --dports 9,80:90', { destinationPort: 85 }, 'yes'],
        ['-p tcp -m multiport ! --dports 9,80:90', { destinationPort: 9 }, 'no'],
        ['-p tcp -m multiport --sports 9', { sourcePort: 9 }, 'yes'],
        ['-p tcp -m multiport --ports 9', { sourcePort: 9, destinationPort: 80 }, 'yes'],
        ['-p tcp -m multiport ! --ports 9', { sourcePort: 8, destinationPort: 9 }, 'no'],
        ['-p tcp -m multiport --ports 9', { sourcePort: undefined, destinationPort: 9 }, 'yes'],
    ]);
});
describe('conntrack and state', () => {
    says([
        ['-m conntrack --ctstate NEW,RELATED', { ctstate: NEW }, 'yes'],
        ['-m conntrack --ctstate NEW,RELATED', { ctstate: ESTABLISHED }, 'no'],
        ['-m conntrack ! --ctstate NEW', { ctstate: RELATED }, 'yes'],
        ['-m conntrack --ctstate UNTRACKED', { ctstate: UNTRACKED }, 'yes'],
        ['-m conntrack ! --ctstate NEW,ESTABLISHED', { ctstate: UNTRACKED }, 'yes'],
        ['-m conntrack --ctstate DNAT', { ctstate: NEW, ctstatus: CTSTATUS.DNAT }, 'yes'],
        ['-m conntrack --ctstate DNAT', { ctstate: NEW, ctstatus: 0 }, 'no'],
        ['-m conntrack --ctstate SNAT,ESTABLISHED', { ctstate: ESTABLISHED, ctstatus: 0 }, 'yes'],
        ['-m conntrack ! --ctstate DNAT', { ctstate: NEW, ctstatus: CTSTATUS.DNAT }, 'no'],
        ['-m conntrack --ctstate DNAT', { ctstate: INVALID, ctstatus: undefined }, 'no'],
        // Without a connection the state alone is looked at, and nothing else ever holds (netfilter-semantics 7).
        ['-m conntrack --ctorigdstport 80', { ctstate: UNTRACKED, ctorigdstport: 80 }, 'no'],
        ['-m conntrack ! --ctorigdst 10.0.0.1', { ctstate: UNTRACKED, ctorigdst: 5 }, 'no'],
        ['-m conntrack --ctstate UNTRACKED --ctproto udp', { ctstate: UNTRACKED }, 'yes'],
        ['-m conntrack --ctstate NEW --ctproto udp', { ctstate: NEW }, 'no'],
        ['-m conntrack --ctproto tcp', {}, 'yes'],
        ['-m conntrack --ctorigdst 10.0.0.1/8', { ctorigdst: address('10.7.7.7') }, 'yes'],
        ['-m conntrack ! --ctreplsrc 10.0.0.1', { ctreplsrc: address('10.0.0.1') }, 'no'],
        ['-m conntrack --ctorigsrcport 5', {}, 'unknown'],
        ['-m conntrack --ctstatus ASSURED', { ctstatus: CTSTATUS.ASSURED | CTSTATUS.CONFIRMED }, 'yes'],
        ['-m conntrack --ctstatus NONE', { ctstatus: 0 }, 'no'],
        ['-m conntrack ! --ctstatus NONE', { ctstatus: 0 }, 'yes'],
        ['-m conntrack --ctdir ORIGINAL', { ctstate: NEW }, 'yes'],
        ['-m conntrack --ctdir REPLY', { ctstate: NEW }, 'no'],
        ['-m conntrack --ctdir REPLY', { ctstate: ESTABLISHED }, 'no'],
        ['-m conntrack --ctdir REPLY', { ctstate: ESTABLISHED, ctreply: 1 }, 'yes'],
        ['-m conntrack --ctdir ORIGINAL', { ctstate: ESTABLISHED, ctreply: 1 }, 'no'],
        ['-m conntrack --ctdir REPLY', { ctstate: ESTABLISHED, ctreply: undefined }, 'unknown'],
        ['-m conntrack --ctdir ORIGINAL', { ctstate: UNTRACKED }, 'no'],
        ['-m conntrack --ctexpire 5:9', {}, 'unknown'],
        ['-m conntrack --ctexpire 5:9', { ctstate: UNTRACKED }, 'no'],
        ['-m state --state INVALID,NEW', { ctstate: INVALID }, 'yes'],
        ['-m state ! --state INVALID,NEW', { ctstate: UNTRACKED }, 'yes'],
    ]);
});
describe('owner', () => {
    says([
        ['-m owner --uid-owner 1337', { owned: 1, uid: 1337 }, 'yes'],
        ['-m owner --uid-owner 1000-1999', { owned: 1, uid: 2000 }, 'no'],
        ['-m owner ! --uid-owner 1337', { owned: 1, uid: 1337 }, 'no'],
        ['-m owner --gid-owner 5', { owned: 1, gid: undefined }, 'unknown'],
        // A packet without a socket matches what is negated, and nothing else (netfilter-semantics 20).
        ['-m owner --uid-owner 0', { owned: 0 }, 'no'],
        ['-m owner ! --uid-owner 7', { owned: 0 }, 'yes'],
        ['-m owner ! --uid-owner 7 ! --gid-owner 8', { owned: 0 }, 'yes'],
        ['-m owner ! --uid-owner 7 --gid-owner 8', { owned: 0 }, 'no'],
        ['-m owner --socket-exists', { owned: 0 }, 'no'],
        ['-m owner ! --socket-exists', { owned: 0 }, 'yes'],
        ['-m owner --socket-exists', { owned: 1 }, 'yes'],
        ['-m owner --uid-owner root', { owned: 1, uid: 0 }, 'yes'],
        ['-m owner --uid-owner envoy', { owned: 1, uid: 0 }, 'unknown'],
        ['-m owner --uid-owner envoy', { owned: 0 }, 'no'],
        ['-m owner --gid-owner 5 --suppl-groups', { owned: 1, gid: 5 }, 'yes'],
        ['-m owner --gid-owner 5 --suppl-groups', { owned: 1, gid: 6 }, 'unknown'],
    ]);
});
describe('ranges of addresses and hops', () => {
    says([
        ['-m iprange --src-range 10.0.0.5-10.0.0.9', { source: address('10.0.0.9') }, 'yes'],
        ['-m iprange --src-range 10.0.0.5-10.0.0.9', { source: address('10.0.0.10') }, 'no'],
        ['-m iprange ! --dst-range 10.0.0.1-10.0.0.9', {}, 'no'],
        ['-m iprange --dst-range 2001:db8::-2001:db8::ffff', { family: 'ipv6' }, 'yes'],
        // The tools take a range whose ends stand the wrong way round, and nothing is in it.
        ['-m iprange --dst-range 10.0.0.9-10.0.0.1', {}, 'no'],
        ['-m iprange ! --dst-range 10.0.0.9-10.0.0.1', {}, 'yes'],
        ['-m ttl --ttl-eq 64', { ttl: 64 }, 'yes'],
        ['-m ttl ! --ttl-eq 64', { ttl: 64 }, 'no'],
        ['-m ttl --ttl-lt 64', { ttl: 64 }, 'no'],
        ['-m ttl --ttl-lt 0', { ttl: 0 }, 'no'],
        ['-m ttl --ttl-gt 254', { ttl: 255 }, 'yes'],
        ['-m ttl --ttl-gt 255', {}, 'no'],
        ['-m ttl --ttl-eq 64', {}, 'unknown'],
        ['-m hl --hl-lt 255', { family: 'ipv6', ttl: 64 }, 'yes'],
    ]);
});
describe('what packets before have left behind', () => {
    says([
        ['-m recent --set --name ssh', {}, 'yes'],
        ['-m recent ! --set', {}, 'no'],
        ['-m recent --rcheck --seconds 60', {}, 'unknown'],
        ['-m recent ! --remove -p udp', {}, 'no'],
        ['-m set --match-set banned src', {}, 'unknown'],
        ['-m hashlimit --hashlimit-upto 5/sec --hashlimit-name x', {}, 'unknown'],
        ['-m connlimit --connlimit-above 5', {}, 'unknown'],
        ['-m connlimit --connlimit-above 5 -p udp', {}, 'no'],
        ['-m quota --quota 1000', {}, 'unknown'],
        ['-m quota --quota 0', {}, 'no'],
        ['-m quota ! --quota 0', {}, 'yes'],
        ['-m cpu --cpu 0', {}, 'unknown'],
        // Without a connection there is nothing to count (netfilter-semantics 7).
        ['-m connbytes --connbytes 5 --connbytes-mode bytes --connbytes-dir both', {}, 'unknown'],
        ['-m connbytes --connbytes 5 --connbytes-mode bytes --connbytes-dir both', { ctstate: UNTRACKED }, 'no'],
        ['-m connbytes ! --connbytes 5:9 --connbytes-mode bytes --connbytes-dir both', { ctstate: INVALID }, 'no'],
        ['-m connlabel --label 5', {}, 'unknown'],
        ['-m connlabel ! --label 5', { ctstate: UNTRACKED }, 'yes'],
        ['-m helper --helper ftp', { ctstate: NEW }, 'no'],
        ['-m helper ! --helper ftp', { ctstate: UNTRACKED }, 'yes'],
        ['-m helper --helper ftp', { ctstate: RELATED, ctstatus: 1 }, 'unknown'],
        ['-m helper --helper ftp', { ctstate: ESTABLISHED, ctstatus: 10 }, 'no'],
        ['-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1', {}, 'unknown'],
        ['-m cluster --cluster-total-nodes 2 ! --cluster-local-node 1 --cluster-hash-seed 1', { ctstate: UNTRACKED }, 'no'],
    ]);
});
describe('the byte of the service, and congestion', () => {
    says([
        ['-m dscp --dscp-class EF', { dscp: 46 }, 'yes'],
        ['-m dscp ! --dscp 46', { dscp: 46 }, 'no'],
        ['-m dscp --dscp 46', {}, 'unknown'],
        ['-m tos --tos 0xb8/0xfc', { dscp: 46, ecn: undefined }, 'yes'],
        ['-m tos --tos 0xb8', { dscp: 46, ecn: 1 }, 'no'],
        ['-m tos --tos 0xb8', { dscp: 46 }, 'unknown'],
        ['-m tos --tos 0xb8', { dscp: 45 }, 'no'],
        ['-m tos --tos 2/3', { ecn: 2 }, 'yes'],
        ['-m tos --tos Minimize-Delay', { dscp: 4 | 0x30, ecn: 0 }, 'yes'],
        ['-m tos --tos 5/3', { dscp: 1, ecn: 1 }, 'no'],
        ['-m tos ! --tos 5/3', {}, 'yes'],
        ['-m ecn --ecn-ip-ect 2', { ecn: 2 }, 'yes'],
        ['-p tcp -m ecn --ecn-tcp-cwr', {}, 'no'],
        ['-p tcp -m ecn --ecn-tcp-cwr ! --ecn-tcp-ece', { tcpFlags: SYN | 128 }, 'yes'],
        ['-p tcp -m ecn ! --ecn-tcp-cwr', { fragment: 1, tcpFlags: undefined }, 'no'],
    ]);
});
describe('what a packet carries, and where it comes from', () => {
    says([
        ['-p sctp --dport 80', { protocol: 132, destinationPort: 80 }, 'yes'],
        ['-p sctp ! --dport 80', { protocol: 132, fragment: 1 }, 'no'],
        ['-p sctp --dport 80 --chunk-types any INIT', { protocol: 132, destinationPort: 80 }, 'unknown'],
        ['-p dccp --dport 80', { protocol: 33, destinationPort: 81 }, 'no'],
        ['-p dccp --dport 80 --dccp-types REQUEST', { protocol: 33, destinationPort: 81 }, 'no'],
        ['-p tcp -m tcpmss --mss 500', {}, 'unknown'],
        ['-p tcp -m osf --genre Linux', { tcpFlags: ACK }, 'no'],
        ['-p tcp -m osf ! --genre Linux', { tcpFlags: SYN }, 'unknown'],
        ['-m string --string x --algo bm', {}, 'unknown'],
        ['-m physdev --physdev-in eth0', {}, 'unknown'],
        ['-m cgroup --cgroup 1', {}, 'unknown'],
        ['-m bpf --bytecode "1,6 0 0 0"', {}, 'unknown'],
        ['-m nfacct --nfacct-name x', {}, 'unknown'],
    ]);
});
describe('u32 over the header of IPv4', () => {
    says([
        ['-m u32 --u32 "6 & 0xFF = 6"', {}, 'yes'],
        ['-m u32 --u32 "6 & 0xFF = 1,17"', {}, 'no'],
        ['-m u32 ! --u32 "6 & 0xFF = 1:5"', {}, 'yes'],
        ['-m u32 --u32 "9 >> 24 = 6"', {}, 'yes'],
        ['-m u32 --u32 "16 = 0x0a000005"', {}, 'yes'],
        ['-m u32 --u32 "16 & 0xff000000 = 0x0a000000"', {}, 'yes'],
        ['-m u32 --u32 "16 >> 24 = 10"', {}, 'yes'],
        ['-m u32 --u32 "16 >> 24 & 0xf0 = 0x10"', {}, 'no'],
        ['-m u32 --u32 "16 & 0xff000000 = 0x0a000001"', {}, 'no'],
        ['-m u32 --u32 "12 = 0x0a000005:0x0a0000ff"', { source: address('10.0.0.9') }, 'yes'],
        ['-m u32 --u32 "0 >> 18 & 0x3f = 46"', { dscp: 46 }, 'yes'],
        ['-m u32 --u32 "0 >> 16 & 3 = 1"', { ecn: 2 }, 'no'],
        ['-m u32 --u32 "5 & 0xff = 64"', { ttl: 64 }, 'yes'],
        ['-m u32 --u32 "8 >> 24 = 0:63"', { ttl: 64 }, 'no'],
        ['-m u32 --u32 "6 & 0xFF = 17 && 0 & 0xffff = 5"', {}, 'no'],
        ['-m u32 --u32 "0 & 0xffff = 0x100:0xffff"', {}, 'unknown'],
        ['-m u32 --u32 "0>>22&0x3C@0>>24=0"', {}, 'unknown'],
        ['-m u32 --u32 "6 & 0xFF = 6"', { family: 'ipv6' }, 'unknown'],
    ]);
});
describe('the frame, the packet as a whole, and IPsec', () => {
    says([
        ['-m length --length 60', { length: 60 }, 'yes'],
        ['-m length ! --length 60:100', { length: 80 }, 'no'],
        ['-m length --length 9:5', { length: 7 }, 'no'],
        ['-m length --length 1500:', {}, 'unknown'],
        ['-m pkttype --pkt-type unicast', { packetType: PACKET_TYPE.unicast }, 'yes'],
        ['-m pkttype ! --pkt-type mcast', { packetType: PACKET_TYPE.multicast }, 'no'],
        ['-m pkttype --pkt-type broadcast', {}, 'unknown'],
        ['-m mac --mac-source 00:11:22:33:44:55', { sourceMac: 0x001122334455 }, 'yes'],
        ['-m mac ! --mac-source 00:11:22:33:44:55', { sourceMac: 5 }, 'yes'],
        // A packet without a MAC address, as one on the loopback device, never matches.
        ['-m mac ! --mac-source 00:11:22:33:44:55', { sourceMac: 0 }, 'no'],
        ['-m policy --dir in --pol none', { ipsec: 0 }, 'yes'],
        ['-m policy --dir in --pol ipsec', { ipsec: 0 }, 'no'],
        ['-m policy --dir in --pol ipsec', { ipsec: 1 }, 'yes'],
        ['-m policy --dir in --pol ipsec --proto esp', { ipsec: 1 }, 'unknown'],
        ['-m policy --dir in --pol ipsec --proto esp', { ipsec: 0 }, 'no'],
        ['-m policy --dir in --pol none', {}, 'unknown'],
        ['-p esp -m esp --espspi 5:9', { protocol: 50, spi: 7 }, 'yes'],
        ['-p esp -m esp ! --espspi 5', { protocol: 50, spi: 7, fragment: 1 }, 'no'],
        ['-p esp -m esp --espspi 9:5', { protocol: 50 }, 'no'],
        ['-p esp -m esp ! --espspi 0:4294967295', { protocol: 50 }, 'no'],
        ['-p ah -m ah --ahspi 5', { protocol: 51 }, 'unknown'],
        ['-m realm --realm 5', {}, 'unknown'],
        ['-m devgroup --src-group 5', {}, 'unknown'],
        ['-m rpfilter', { in: 'lo' }, 'yes'],
        ['-m rpfilter --invert', { in: 'lo' }, 'no'],
        ['-m rpfilter --loose', { in: 'eth0' }, 'unknown'],
    ]);
});
describe('headers of IPv6', () => {
    const ipv6 = (...names) => ({
        family: 'ipv6',
        headers: names.reduce((bits, name) => bits | IPV6_HEADERS[name], 0),
    });
    says([
        ['-m hbh', { family: 'ipv6' }, 'no'],
        ['-m hbh', ipv6('hop-by-hop', 'protocol'), 'yes'],
        ['-m hbh --hbh-len 8', ipv6('hop-by-hop'), 'unknown'],
        ['-m dst ! --dst-len 8', { family: 'ipv6' }, 'no'],
        ['-m rt --rt-type 0', { family: 'ipv6' }, 'no'],
        ['-m rt', ipv6('ipv6-route', 'protocol'), 'yes'],
        ['-m frag --fragfirst', { ...ipv6('ipv6-frag'), fragment: 0 }, 'yes'],
        ['-m frag --fragfirst', { family: 'ipv6', fragment: 1 }, 'no'],
        ['-m frag --fraglast', { family: 'ipv6', fragment: 1 }, 'unknown'],
        // The kernel does not look at the length.
        ['-m frag --fraglen 9', { family: 'ipv6', fragment: 1 }, 'yes'],
        ['-m ah', ipv6('ah', 'protocol'), 'yes'],
        ['-m ah --ahspi 5', { family: 'ipv6' }, 'no'],
        ['-m ipv6header --header prot', { family: 'ipv6' }, 'yes'],
        ['-m ipv6header --header hop,prot', ipv6('hop-by-hop', 'protocol'), 'yes'],
        ['-m ipv6header --header hop', ipv6('hop-by-hop', 'protocol'), 'no'],
        ['-m ipv6header --header hop --soft', ipv6('hop-by-hop', 'protocol'), 'yes'],
        ['-m ipv6header ! --header hop,esp --soft', ipv6('hop-by-hop', 'protocol'), 'no'],
        ['-m ipv6header ! --header hop --soft', { family: 'ipv6' }, 'yes'],
        ['-m ipv6header --header esp', { family: 'ipv6', protocol: 50 }, 'yes'],
        ['-p mh -m mh', { family: 'ipv6', protocol: 135 }, 'yes'],
        ['-p mh -m mh --mh-type 5', { family: 'ipv6', protocol: 135 }, 'unknown'],
        ['-m eui64', { family: 'ipv6', sourceMac: 0 }, 'no'],
        ['-m eui64', { family: 'ipv6' }, 'unknown'],
    ]);
});
describe('marks and sockets', () => {
    says([
        ['-m mark --mark 0x539/0xfff', { mark: 0xf000_0539 }, 'yes'],
        ['-m mark ! --mark 0x539/0xfff', { mark: 0xf000_0539 }, 'no'],
        ['-m mark --mark 0xffffffff', { mark: 0xffff_ffff }, 'yes'],
        ['-m mark --mark 0x80000000/0x80000000', { mark: 0xf000_0000 }, 'yes'],
        ['-m mark --mark 5/3', { mark: 5 }, 'no'],
        ['-m mark ! --mark 5/3', { mark: 5 }, 'yes'],
        ['-m mark --mark 0/0', { mark: undefined }, 'yes'],
        ['-m connmark --mark 1', { ctmark: 1 }, 'yes'],
        ['-m connmark --mark 0', { ctstate: UNTRACKED, ctmark: 0 }, 'no'],
        ['-m connmark ! --mark 1', { ctstate: UNTRACKED, ctmark: 0 }, 'no'],
        ['-m socket', { socketLookup: SOCKET_LOOKUP.none }, 'no'],
        ['-m socket', { socketLookup: SOCKET_LOOKUP.plain }, 'yes'],
        ['-m socket', { socketLookup: SOCKET_LOOKUP.wildcard }, 'no'],
        ['-m socket --nowildcard', { socketLookup: SOCKET_LOOKUP.wildcard }, 'yes'],
        ['-m socket --transparent', { socketLookup: SOCKET_LOOKUP.plain }, 'no'],
        ['-m socket --transparent', { socketLookup: SOCKET_LOOKUP.transparent }, 'yes'],
        ['-m socket --transparent', { socketLookup: SOCKET_LOOKUP.wildcardTransparent }, 'no'],
        ['-m socket --transparent --nowildcard', { socketLookup: SOCKET_LOOKUP.wildcardTransparent }, 'yes'],
        ['-m socket --restore-skmark', { socketLookup: SOCKET_LOOKUP.plain }, 'unknown'],
        ['-m socket --restore-skmark', { socketLookup: SOCKET_LOOKUP.none }, 'no'],
    ]);
});
describe('kinds of address and of ICMP', () => {
    const { LOCAL, UNICAST, MULTICAST } = ADDRESS_TYPE;
    says([
        ['-m addrtype --dst-type LOCAL,MULTICAST', { destinationType: MULTICAST }, 'yes'],
        ['-m addrtype ! --src-type LOCAL', { sourceType: UNICAST }, 'yes'],
        ['-m addrtype --dst-type LOCAL', {}, 'unknown'],
        ['-m addrtype --dst-type LOCAL --limit-iface-in', { destinationType: LOCAL }, 'unknown'],
        // An IPv6 address of this host is unicast too, and every kind that is asked for has to hold.
        ['-m addrtype --dst-type UNICAST', { family: 'ipv6', destinationType: UNICAST | LOCAL }, 'yes'],
        ['-m addrtype --dst-type UNICAST,LOCAL', { family: 'ipv6', destinationType: UNICAST }, 'no'],
        ['-p icmp --icmp-type 3', { protocol: ICMP, icmpType: 3, icmpCode: 7 }, 'yes'],
        ['-p icmp --icmp-type 3/1', { protocol: ICMP, icmpType: 3, icmpCode: 7 }, 'no'],
        ['-p icmp ! --icmp-type ping', { protocol: ICMP, icmpType: 0, icmpCode: 0 }, 'yes'],
        ['-p icmp --icmp-type any', { protocol: ICMP }, 'yes'],
        ['-p icmp ! --icmp-type ping', { protocol: ICMP, fragment: 1 }, 'no'],
        ['-p icmpv6 --icmpv6-type echo-request', { family: 'ipv6', protocol: ICMPV6, icmpType: 128, icmpCode: 0 }, 'yes'],
    ]);
});
describe('time and chance', () => {
    const at = (text) => clockAt(Date.parse(text) / 1000);
    const halfAnHour = '-m time --datestop 2026-12-01T10:30:00';
    says([
        [halfAnHour, at('2026-12-01T10:30:00Z'), 'yes'],
        [halfAnHour, at('2026-12-01T10:30:01Z'), 'no'],
        [halfAnHour, {}, 'unknown'],
        ['-m time --datestart 2027', at('2026-12-31T23:59:59Z'), 'no'],
        ['-m time --datestart 2027', at('2027-01-01T00:00:00Z'), 'yes'],
        // What is not given ends in 2038, because the tools write it so.
        ['-m time', at('2038-01-19T03:14:08Z'), 'no'],
        // 1 December 2026 is a Tuesday.
        ['-m time --timestart 08:00', at('2026-12-01T10:30:00Z'), 'yes'],
        ['-m time --timestart 08:00', {}, 'unknown'],
        ['-m time --timestart 08:00 --timestop 10:30', at('2026-12-01T10:30:00Z'), 'yes'],
        ['-m time --timestart 08:00 --timestop 10:30', at('2026-12-01T10:30:01Z'), 'no'],
        ['-m time --timestart 22:00 --timestop 06:00', at('2026-12-01T10:30:00Z'), 'no'],
        ['-m time --timestart 22:00 --timestop 06:00', at('2026-12-01T06:00:00Z'), 'yes'],
        // The kernel takes equal ends for the whole day.
        ['-m time --timestart 08:00 --timestop 08:00', at('2026-12-01T10:30:00Z'), 'yes'],
        ['-m time --weekdays Mon,Tue', at('2026-12-01T10:30:00Z'), 'yes'],
        ['-m time ! --weekdays Tue', at('2026-12-01T10:30:00Z'), 'no'],
        ['-m time --weekdays Sun', at('2026-12-06T10:30:00Z'), 'yes'],
        ['-m time --monthdays 1,15', at('2026-12-01T10:30:00Z'), 'yes'],
        // The hours after midnight are of the day before.
        ['-m time --timestart 22:00 --timestop 6:00 --weekdays Mon', at('2026-12-01T05:00:00Z'), 'no'],
        ['-m time --timestart 22:00 --timestop 6:00 --weekdays Mon --contiguous', at('2026-12-01T05:00:00Z'), 'yes'],
        ['-m time --timestart 22:00 --timestop 6:00 --monthdays 30 --contiguous', at('2026-12-01T05:00:00Z'), 'yes'],
        ['-m time --timestart 22:00 --timestop 6:00 --weekdays Tue --contiguous', at('2026-12-01T23:00:00Z'), 'yes'],
        ['-m time --weekdays Mon --datestop 2020', at('2026-12-01T10:30:00Z'), 'no'],
        ['-m time --datestop 2030 --kerneltz', at('2026-12-01T10:30:00Z'), 'unknown'],
        ['-m time --datestop 2030 --kerneltz', { ...at('2026-12-01T10:30:00Z'), kernelZone: 0 }, 'yes'],
        ['-m time --datestop 2020 --kerneltz', { ...at('2026-12-01T10:30:00Z'), kernelZone: 0 }, 'no'],
        // A year that ends in UTC need not have ended there.
        ['-m time --datestop 2020 --kerneltz', { ...at('2026-12-01T10:30:00Z'), kernelZone: 1 }, 'unknown'],
        ['-m limit --limit 5/sec', {}, 'unknown'],
        ['-m limit --limit 5/sec -p udp', {}, 'no'],
        ['-m statistic --mode random --probability 0.5', {}, 'unknown'],
        ['-m statistic --mode random --probability 0', {}, 'no'],
        ['-m statistic --mode random ! --probability 1', {}, 'no'],
        ['-m statistic --mode nth --every 3 --packet 0', {}, 'unknown'],
        ['-m mac --mac-source 00:11:22:33:44:55', {}, 'unknown'],
        ['-m comment --comment x', {}, 'yes'],
    ]);
});
describe('what Sidestep does not know it does not guess', () => {
    says([
        ['-m geoip --src-cc DE', {}, 'unknown'],
        ['-p udp -m geoip --src-cc DE', {}, 'no'],
    ]);
    test('and says what it is', () => {
        const rule = parseRule('-m geoip --src-cc DE -j ULOG --ulog-nlgroup 1', { family: 'ipv4', table: 'mangle' });
        expect(conditionsOf(rule, 'ipv4')).toEqual([
            { part: 'geoip', predicate: { kind: 'unknown', because: 'Sidestep does not know the match "geoip"' } },
        ]);
        expect(effectOf(rule.target, 'ipv4')).toEqual({
            kind: 'unknown',
            because: 'Sidestep does not know the target "ULOG"',
        });
    });
});
describe('what a target does', () => {
    const mark = (keep, xor) => ({ kind: 'continue', assign: [{ field: 'mark', keep, xor }] });
    const set = (field, xor) => ({ kind: 'continue', assign: [{ field, keep: 0, xor }] });
    const ten = Number(address('10.0.0.1'));
    test.for([
        ['', 'nat', { kind: 'continue', assign: [] }],
        ['-j ACCEPT', 'nat', { kind: 'accept' }],
        ['-j DROP', 'filter', { kind: 'drop' }],
        ['-j RETURN', 'nat', { kind: 'return' }],
        ['-j QUEUE', 'filter', { kind: 'queue' }],
        ['-j MINE', 'nat', { kind: 'jump', chain: 'MINE' }],
        ['-g MINE', 'nat', { kind: 'goto', chain: 'MINE' }],
        [
            '-p tcp -j REDIRECT --to-ports 15001',
            'nat',
            { kind: 'nat', change: 'destination', address: 'here', ports: [15001, 15001] },
        ],
        ['-j REDIRECT', 'nat', { kind: 'nat', change: 'destination', address: 'here' }],
        [
            '-p tcp -j DNAT --to-destination 10.0.0.1:80-90',
            'nat',
            { kind: 'nat', change: 'destination', address: [ten, ten], ports: [80, 90] },
        ],
        ['-p tcp -j DNAT --to-destination :80', 'nat', { kind: 'nat', change: 'destination', ports: [80, 80] }],
        ['-j SNAT --to-source 10.0.0.1-10.0.0.3', 'nat', { kind: 'nat', change: 'source', address: [ten, ten + 2] }],
        ['-j MASQUERADE', 'nat', { kind: 'nat', change: 'source', address: 'outgoing' }],
        [
            '-p tcp -j TPROXY --on-port 15006 --tproxy-mark 1337',
            'mangle',
            { kind: 'tproxy', port: 15006, mark: { value: 1337, mask: 0xffffffff } },
        ],
        ['-p tcp -j TPROXY --on-port 0 --on-ip 10.0.0.1', 'mangle', { kind: 'tproxy', port: 0, address: ten }],
        ['-j MARK --set-mark 1337', 'mangle', mark(0, 1337)],
        ['-j MARK --set-mark 1/2', 'mangle', mark(0xffff_fffc, 1)],
        ['-j MARK --and-mark 0xf', 'mangle', mark(0xf, 0)],
        ['-j MARK --or-mark 3', 'mangle', mark(0xffff_fffc, 3)],
        ['-j MARK --xor-mark 3', 'mangle', mark(0xffff_ffff, 3)],
        ['-j CONNMARK --set-mark 7', 'mangle', { kind: 'continue', assign: [{ field: 'ctmark', keep: 0, xor: 7 }] }],
        [
            '-j CONNMARK --save-mark --nfmask 0xf --ctmask 0xff',
            'mangle',
            { kind: 'continue', assign: [{ field: 'ctmark', keep: 0xffff_ff00, xor: { field: 'mark', mask: 0xf } }] },
        ],
        [
            '-j CONNMARK --restore-mark --mask 0xff',
            'mangle',
            { kind: 'continue', assign: [{ field: 'mark', keep: 0xffff_ff00, xor: { field: 'ctmark', mask: 0xff } }] },
        ],
        [
            '-j CONNMARK --save-mark --left-shift-mark 3',
            'mangle',
            {
                kind: 'continue',
                assign: [{ field: 'ctmark', keep: 0, xor: { field: 'mark', mask: 0xffff_ffff, shift: 3 } }],
            },
        ],
        [
            '-j CONNMARK --set-xmark 1/3 --right-shift-mark 8',
            'mangle',
            {
                kind: 'continue',
                assign: [
                    { field: 'ctmark', keep: 0xffff_fffc, xor: 1 },
                    { field: 'ctmark', keep: 0, xor: { field: 'ctmark', mask: 0xffff_ffff, shift: -8 } },
                ],
            },
        ],
        ['-j DSCP --set-dscp-class EF', 'mangle', set('dscp', 46)],
        [
            '-j TOS --set-tos 0x10',
            'mangle',
            { kind: 'continue', assign: [...set('dscp', 4).assign, ...set('ecn', 0).assign] },
        ],
        ['-j TOS --or-tos 3', 'mangle', set('ecn', 3)],
        ['-j TOS --and-tos 0xdf', 'mangle', { kind: 'continue', assign: [{ field: 'dscp', keep: 0x37, xor: 0 }] }],
        ['-j TTL --ttl-set 5', 'mangle', set('ttl', 5)],
        ['-j TTL --ttl-dec 2', 'mangle', { kind: 'continue', assign: [{ field: 'ttl', keep: 0xff, xor: 0, add: -2 }] }],
        [
            '-p tcp -j ECN --ecn-tcp-remove --ecn-ip-ect 1',
            'mangle',
            {
                kind: 'continue',
                assign: [
                    { field: 'tcpFlags', keep: 0xbf, xor: 0 },
                    { field: 'tcpFlags', keep: 0x7f, xor: 0 },
                    { field: 'ecn', keep: 0, xor: 1 },
                ],
            },
        ],
        ['-j HMARK --hmark-tuple src --hmark-mod 5 --hmark-rnd 1', 'mangle', set('mark', 'unknown')],
        ['-j SET --map-set hosts src --map-mark', 'mangle', set('mark', 'unknown')],
        ['-j SET --add-set hosts src', 'filter', { kind: 'continue', assign: [] }],
        [
            '-j NETMAP --to 10.0.0.0/8',
            'nat',
            { kind: 'nat', change: 'either', address: { value: address('10.0.0.0'), mask: address('255.0.0.0') } },
        ],
        [
            '-p tcp -j DNAT --to-destination 10.0.0.1:80-89/8000',
            'nat',
            { kind: 'nat', change: 'destination', address: [ten, ten], ports: [80, 89], base: 8000 },
        ],
        ['-j NFQUEUE --queue-num 3', 'filter', { kind: 'queue' }],
        ['-j NFQUEUE --queue-bypass', 'filter', { kind: 'queue', bypass: true }],
        ['-j CHECKSUM --checksum-fill', 'mangle', { kind: 'continue', assign: [] }],
        ['-p tcp -j TCPMSS --clamp-mss-to-pmtu', 'mangle', { kind: 'continue', assign: [] }],
        ['-j TEE --gateway 10.0.0.1', 'filter', { kind: 'continue', assign: [] }],
        ['-j CT --zone 1', 'raw', { kind: 'continue', assign: [{ field: 'ctzone', keep: 0, xor: 1 }] }],
        [
            '-j CT --zone mark',
            'raw',
            { kind: 'continue', assign: [{ field: 'ctzone', keep: 0, xor: { field: 'mark', mask: 0xffff } }] },
        ],
        ['-j CT --notrack', 'raw', { kind: 'continue', assign: [{ field: 'ctstate', keep: 0, xor: UNTRACKED }] }],
        ['-j NOTRACK', 'raw', { kind: 'continue', assign: [{ field: 'ctstate', keep: 0, xor: UNTRACKED }] }],
        ['-j CT', 'raw', { kind: 'continue', assign: [{ field: 'ctzone', keep: 0, xor: 0 }] }],
        ['-j REJECT', 'filter', { kind: 'reject', with: 'icmp-port-unreachable' }],
        ['-p tcp -j REJECT --reject-with tcp-reset', 'filter', { kind: 'reject', with: 'tcp-reset' }],
        ['-j LOG --log-prefix x', 'filter', { kind: 'continue', assign: [] }],
        ['-j NFLOG --nflog-group 1', 'filter', { kind: 'continue', assign: [] }],
        ['-j TRACE', 'raw', { kind: 'continue', assign: [] }],
    ])('%s', ([words, table, effect]) => {
        expect(effectOf(parseRule(words, { family: 'ipv4', table }).target, 'ipv4')).toEqual(effect);
    });
});

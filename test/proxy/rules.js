/** Rules as the meshes write them, by hand, so that the proxy is tested without the part that writes them. */
/** How rules know the proxy: its uid and gid, or its mark where there is one user only. */
export const BY_OWNER = ['-m owner --uid-owner 1337', '-m owner --gid-owner 1337'];
export const PROXY_MARK = 0x1234;
export const BY_MARK = [`-m mark --mark ${PROXY_MARK}`];
const not = (identity) => identity.replace(' --', ' ! --');
const lines = (of, each) => of.flatMap(each).join('\n');
const SIDES = {
    ipv4: { loopback: '127.0.0.1/32', passthrough: '127.0.0.6/32', any: '0.0.0.0/0' },
    ipv6: { loopback: '::1/128', passthrough: '::6/128', any: '::/0' },
};
/** Today's, REDIRECT. In TPROXY mode the same without the inbound part. */
const istioNat = (family, proxy, inbound) => {
    const { loopback, passthrough } = SIDES[family];
    return `*nat
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
${inbound ? '-A PREROUTING -p tcp -j ISTIO_INBOUND\n-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN\n-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT\n' : ''}-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s ${passthrough} -j RETURN
${lines(proxy, (identity) => [
        `-A ISTIO_OUTPUT -o lo ! -d ${loopback} -p tcp ! --dport 15008 ${identity} -j ISTIO_IN_REDIRECT`,
        `-A ISTIO_OUTPUT -o lo ${not(identity)} -j RETURN`,
        `-A ISTIO_OUTPUT ${identity} -j RETURN`,
    ])}
-A ISTIO_OUTPUT -d ${loopback} -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
COMMIT
`;
};
const istioMangle = (family, proxy) => {
    const { loopback, passthrough } = SIDES[family];
    return `*mangle
:ISTIO_DIVERT - [0:0]
:ISTIO_INBOUND - [0:0]
:ISTIO_TPROXY - [0:0]
-A ISTIO_DIVERT -j MARK --set-mark 1337
-A ISTIO_DIVERT -j ACCEPT
-A ISTIO_TPROXY ! -d ${loopback} -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp -m mark --mark 1337 -j RETURN
-A ISTIO_INBOUND -p tcp -s ${passthrough} -i lo -j RETURN
-A ISTIO_INBOUND -p tcp -i lo -m mark ! --mark 1338 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT
-A ISTIO_INBOUND -p tcp -j ISTIO_TPROXY
-A PREROUTING -p tcp -m mark --mark 1337 -j CONNMARK --save-mark
-A OUTPUT -p tcp -o lo -m mark --mark 1337 -j RETURN
${lines(proxy, (identity) => [`-A OUTPUT ! -d ${loopback} -p tcp -o lo ${identity} -j MARK --set-mark 1338`])}
-A OUTPUT -p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark
COMMIT
`;
};
/** The 2018 post's, for both ports of its pod. */
const istio2018Nat = (proxy) => `*nat
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 8080 -j ISTIO_IN_REDIRECT
-A ISTIO_INBOUND -p tcp --dport 8888 -j ISTIO_IN_REDIRECT
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -j ISTIO_REDIRECT
${lines(proxy, (identity) => [`-A ISTIO_OUTPUT ${identity} -j RETURN`])}
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
COMMIT
`;
/** The 2018 form of TPROXY, all ports. */
const istio2018Mangle = `*mangle
:ISTIO_DIVERT - [0:0]
:ISTIO_INBOUND - [0:0]
:ISTIO_TPROXY - [0:0]
-A ISTIO_DIVERT -j MARK --set-mark 1337
-A ISTIO_DIVERT -j ACCEPT
-A ISTIO_TPROXY ! -d 127.0.0.1/32 -p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15001
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 22 -j RETURN
-A ISTIO_INBOUND -p tcp -m socket -j ISTIO_DIVERT
-A ISTIO_INBOUND -p tcp -j ISTIO_TPROXY
COMMIT
`;
const restore = (pod, family, text) => {
    pod.must([family === 'ipv4' ? 'iptables-restore' : 'ip6tables-restore', '--noflush'], { input: text });
};
export function loadIstio(pod, proxy) {
    for (const family of ['ipv4', 'ipv6'])
        restore(pod, family, istioNat(family, proxy, true));
    pod.must(['ip', '-6', 'address', 'add', '::6/128', 'dev', 'lo']);
}
export function loadIstioTproxy(pod, proxy) {
    for (const family of ['ipv4', 'ipv6']) {
        restore(pod, family, istioNat(family, proxy, false) + istioMangle(family, proxy));
        const ip = ['ip', family === 'ipv4' ? '-4' : '-6'];
        pod.must([...ip, 'rule', 'add', 'fwmark', '1337', 'lookup', '133']);
        pod.must([...ip, 'route', 'add', 'local', SIDES[family].any, 'dev', 'lo', 'table', '133']);
    }
    pod.must(['ip', '-6', 'address', 'add', '::6/128', 'dev', 'lo']);
}
export const loadIstio2018 = (pod, proxy) => restore(pod, 'ipv4', istio2018Nat(proxy));
export function loadIstio2018Tproxy(pod, proxy) {
    const nat = istio2018Nat(proxy).replace(/^-A (PREROUTING|ISTIO_INBOUND) .*\n/gm, '');
    restore(pod, 'ipv4', nat + istio2018Mangle);
    pod.must(['ip', 'rule', 'add', 'fwmark', '1337', 'lookup', '133']);
    pod.must(['ip', 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '133']);
}

// A Kubernetes node as kube-proxy programs it, made from a seed.
import { seeded } from './firewalls.js';

const PORTS = [80, 443, 5432, 8080, 9090];

/**
 * The rules of a node with so many services, each with so many pods behind it, one of which the kernel chooses; every tenth
 * service has a port on the node itself. As iptables-save prints them.
 */
export function kubeNode(services, pods, seed = 8888) {
  const random = seeded(seed);
  const chains = ['KUBE-MARK-MASQ', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-SERVICES'];
  const [front, back, nodePorts] = [[], [], []];
  for (let at = 0; at < services; at += 1) {
    const comment = `-m comment --comment "team-${at % 50}/shop-${at}:http`;
    const port = PORTS[random(PORTS.length)];
    const to = `-d 10.96.${at >> 8}.${at & 255}/32 -p tcp ${comment} cluster IP" -m tcp --dport ${port}`;
    const service = `KUBE-SVC-${name(at)}`;
    chains.push(service);
    front.push(`-A KUBE-SERVICES ${to} -j ${service}`);
    back.push(`-A ${service} ! -s 10.244.0.0/16 ${to} -j KUBE-MARK-MASQ`);
    if (at % 10 === 0) {
      const outside = `KUBE-EXT-${name(at)}`;
      chains.push(outside);
      nodePorts.push(`-A KUBE-NODEPORTS -p tcp ${comment}" -m tcp --dport ${30_000 + at} -j ${outside}`);
      back.push(`-A ${outside} ${comment}" -j KUBE-MARK-MASQ`, `-A ${outside} -j ${service}`);
    }
    for (let pod = 0; pod < pods; pod += 1) {
      const endpoint = `KUBE-SEP-${name(at * pods + pod)}`;
      const number = at * pods + pod;
      const address = `10.244.${number >> 8}.${number & 255}`;
      const share = pod < pods - 1 ? ` -m statistic --mode random --probability ${(1 / (pods - pod)).toFixed(11)}` : '';
      chains.push(endpoint);
      back.push(
        `-A ${service} ${comment} -> ${address}:8080"${share} -j ${endpoint}`,
        `-A ${endpoint} -s ${address}/32 ${comment}" -j KUBE-MARK-MASQ`,
        `-A ${endpoint} -p tcp ${comment}" -m tcp -j DNAT --to-destination ${address}:8080`,
      );
    }
  }
  return [
    ...FILTER,
    '*nat',
    ...chains.map((chain) => `:${chain} - [0:0]`),
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
    ...front,
    '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    ...nodePorts,
    ...back,
    'COMMIT',
    '',
  ].join('\n');
}

const name = (number) => String(number).padStart(16, '0');

const FILTER = [
  '*filter',
  ':KUBE-FIREWALL - [0:0]',
  ':KUBE-FORWARD - [0:0]',
  '-A INPUT -j KUBE-FIREWALL',
  '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
  '-A OUTPUT -j KUBE-FIREWALL',
  '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
  '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
  '-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT',
  '-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'COMMIT',
];

// Questions for the walk, made from a seed: addresses and ports at which rules begin and end, one beside them, and others.
import { makePacket } from '../dist/netfilter/index.js';
import { seeded } from './firewalls.js';

const [ICMP, TCP, UDP] = [1, 6, 17];

const addressOf = (text) => text?.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);

/** The sources, destinations and ports that a rule set's text names, and their neighbours. */
function boundaries(text) {
  const addresses = (flag) =>
    [...text.matchAll(new RegExp(`${flag} ([\\d.]+)`, 'g'))].map(([, address]) => addressOf(address));
  const ports = [...text.matchAll(/ports? ([\d:,]+)/g)].flatMap(([, list]) => list.split(/[:,]/).map(Number));
  const near = (values, highest) =>
    [...new Set(values.flatMap((value) => [value - 1, value, value, value + 1]))].filter(
      (value) => value > 0 && value < highest,
    );
  return {
    sources: near(addresses('-s'), 2 ** 32),
    destinations: near(addresses('-d'), 2 ** 32),
    ports: near(ports, 65536),
  };
}

/** One of the values, or any number below `limit` one time in four. */
const oneOf = (random, values, limit) => (random(4) === 0 ? random(limit) : values[random(values.length)]);

const protocolOf = (random) => [TCP, TCP, TCP, TCP, TCP, TCP, UDP, UDP, UDP, ICMP][random(10)];

function header(random, { ports }) {
  const protocol = protocolOf(random);
  if (protocol === ICMP) return { protocol, icmpType: 8, icmpCode: 0 };
  return { protocol, sourcePort: 1024 + random(60000), destinationPort: oneOf(random, ports, 65536) };
}

const question = (direction, packet) => ({
  direction,
  packet: makePacket({ family: 'ipv4', ttl: 64, ...packet }),
  assumptions: [],
});

/** Calls to a pod, by its app and its proxy to others, and to itself. */
export function podQuestions(text, own, count, seed = 1) {
  const random = seeded(seed);
  const known = boundaries(text);
  return Array.from({ length: count }, () => {
    const rest = header(random, known);
    const elsewhere = 0x0a00_0000 + 256 + random(0xff_ff00);
    if (random(2) === 0) return question('in', { ...rest, in: 'eth0', source: elsewhere, destination: own });
    const uid = [1000, 1000, 0, 1337][random(4)];
    const destination = [elsewhere, elsewhere, elsewhere, own, 0x7f00_0001, random(2 ** 31)][random(6)];
    const here = destination === own || destination >>> 24 === 127;
    return question('out', { ...rest, source: here ? destination : own, destination, owned: 1, uid, gid: uid });
  });
}

/** What the rules of the hosts' chains ask for, each with the host that its chain is for. */
function asked(text) {
  const hosts = new Map(
    [...text.matchAll(/-d (\S+)\/32 -j (HOST_\d+)/g)].map(([, address, chain]) => [chain, address]),
  );
  return [...text.matchAll(/^-A (HOST_\d+) (.*)$/gm)].map(([, chain, rule]) => ({
    destination: addressOf(hosts.get(chain)),
    source: addressOf(/-s ([\d.]+)/.exec(rule)?.[1]),
    protocol: { tcp: TCP, udp: UDP }[/-p (\S+)/.exec(rule)?.[1]],
    destinationPort: Number(/dports? (\d+)/.exec(rule)?.[1] ?? 0) || undefined,
  }));
}

/**
 * What a firewall sends on, with some calls to itself and some of its own. Half of it is what some rule asks for, one field of
 * eight left to chance.
 */
export function routerQuestions(text, own, count, seed = 1) {
  const random = seeded(seed);
  const known = boundaries(text);
  const rules = asked(text);
  const some = () => ({
    ...header(random, known),
    source: oneOf(random, known.sources, 2 ** 31),
    destination: oneOf(random, known.destinations, 2 ** 31),
  });
  return Array.from({ length: count }, () => {
    const packet = some();
    if (random(2) === 0)
      for (const [field, value] of Object.entries(rules[random(rules.length)]))
        if (value !== undefined && random(8) > 0) packet[field] = value;
    const kind = random(20);
    if (kind === 0) return question('out', { ...packet, source: own, owned: 1, uid: 0, gid: 0 });
    const sourceMac = 0x001b44000000 + random(1 << 24);
    return question('in', { ...packet, sourceMac, in: `eth${random(5)}`, ...(kind === 1 ? { destination: own } : {}) });
  });
}

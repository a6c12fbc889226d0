// A campus firewall with several cards as iptables-save prints it, made from a seed: per-host services, MAC checks, lists of ports,
// nested chains, thousands of prefixes. The same seed, size and year give the same text; a later year changes some of it.
import { seeded } from './firewalls.js';

const CARDS = ['eth0', 'eth1', 'eth2', 'eth3', 'eth4', 'eth5'];
const PORTS = [22, 25, 53, 80, 110, 143, 443, 465, 587, 636, 993, 995, 3306, 3389, 5432, 8080, 8443];
const COMMON = ['80,443', '22,80,443', '25,465,587', '110,143,993,995', '8000:8100', '5900:5910,3389', '137:139,445'];

const WORDS = {
  ipv4: {
    any: '0.0.0.0/0',
    host: (group, n) => `10.${group & 255}.${n >> 8}.${n & 255 || 1}/32`,
    net: (random) => {
      const length = 16 + random(9);
      const value = ((11 + random(180)) << 24) | (random(256) << 16) | (random(256) << 8);
      const masked = (value & (-1 << (32 - length))) >>> 0;
      return `${masked >>> 24}.${(masked >>> 16) & 255}.${(masked >>> 8) & 255}.${masked & 255}/${length}`;
    },
    group: (n) => `10.${n & 255}.0.0/16`,
  },
  ipv6: {
    any: '::/0',
    host: (group, n) => `2001:db8:${group.toString(16)}::${(n + 1).toString(16)}/128`,
    net: (random) => {
      const length = 32 + random(17);
      const [high, low] = [random(65536), (random(65536) & (-1 << (48 - length)) & 0xffff) >>> 0];
      return `2a${(random(64) + 16).toString(16)}:${high.toString(16)}:${low.toString(16)}::/${length}`;
    },
    group: (n) => `2001:db8:${(n & 255).toString(16)}::/48`,
  },
};

/**
 * @param rules about so many rules
 * @param options family, seed, and how many years have passed: each changes one service in fifty
 */
export function campusFirewall(rules, { family = 'ipv4', seed = 8888, year = 0 } = {}) {
  const random = seeded(seed);
  const words = WORDS[family];
  const groups = Math.max(2, Math.round(Math.sqrt(rules) / 4));
  const hosts = Math.max(1, Math.floor((rules - 2 * groups - 20) / (groups * 11)));
  const declared = [];
  const front = [];
  const middle = [];
  const back = [];
  const later = seeded(seed + 77 * (year + 1));
  for (let group = 0; group < groups; group += 1) {
    declared.push(`:GROUP_${group} - [0:0]`);
    front.push(`-A FORWARD -d ${words.group(group)} -o ${CARDS[group % CARDS.length]} -j GROUP_${group}`);
    for (let host = 0; host < hosts; host += 1) {
      const name = `HOST_${group}_${host}`;
      declared.push(`:${name} - [0:0]`);
      middle.push(`-A GROUP_${group} -d ${words.host(group, host * 7 + random(7))} -j ${name}`);
      if (random(3) === 0)
        back.push(`-A ${name} -m mac ! --mac-source ${macOf(random)} -i ${CARDS[random(6)]} -j DROP`);
      for (let count = 0; count < 10; count += 1) {
        const rule = `-A ${name} ${service(random, words)}`;
        // As time goes by, services come, go and change.
        const fate = year > 0 ? later(100) : 99;
        if (fate === 0) continue;
        back.push(fate === 1 ? `-A ${name} ${service(later, words)}` : rule);
      }
    }
    middle.push(`-A GROUP_${group} -j LOG --log-prefix "group ${group}: "`, `-A GROUP_${group} -j DROP`);
  }
  const start = [
    ':spoofed - [0:0]',
    '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A FORWARD -j spoofed',
    ...CARDS.slice(1).map((card, n) => `-A spoofed -s ${words.group(n)} ! -i ${card} -j DROP`),
  ];
  return [
    '*filter',
    ':INPUT DROP [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ...declared,
    ...start,
    ...front,
    ...middle,
    ...back,
    'COMMIT',
    '',
  ].join('\n');
}

const macOf = (random) => `00:1b:44:${[0, 0, 0].map(() => (random(240) + 16).toString(16)).join(':')}`;

function service(random, words) {
  switch (random(9)) {
    case 0:
      return `-s ${words.net(random)} -p tcp -m multiport --dports ${COMMON[random(COMMON.length)]} -j ACCEPT`;
    case 1:
      return `-p tcp -m multiport --dports ${COMMON[random(COMMON.length)]} -j ACCEPT`;
    case 2:
      return `-s ${words.net(random)} -i ${CARDS[random(6)]} -p udp -m udp --dport ${random(60000)} -j ACCEPT`;
    case 3:
      return `-s ${words.net(random)} -m comment --comment "asked for by room ${random(400)}" -j DROP`;
    default:
      return `-s ${words.net(random)} -p tcp -m tcp --dport ${PORTS[random(PORTS.length)]} -j ACCEPT`;
  }
}

// Large rule sets as the world has them, made from a seed. The same seed and size give the same text.

/** A small generator of random numbers (mulberry32): a function that gives a whole number below `n`. */
export function seeded(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

const octets = (random) => `${random(256)}.${random(256)}.${random(256)}`;

/**
 * A campus firewall with several cards, as iptables-save prints it: FORWARD leads to a chain for each host, which lets some
 * services in, checks MAC addresses, and names itself in comments.
 */
export function campus(rules, seed = 8888) {
  const random = seeded(seed);
  const hosts = Math.max(1, Math.floor(rules / 20));
  const lines = ['*filter', ':INPUT DROP [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT ACCEPT [0:0]'];
  for (let host = 0; host < hosts; host += 1) lines.push(`:HOST_${host} - [0:0]`);
  lines.push('-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT');
  const chains = [];
  for (let host = 0; host < hosts; host += 1) {
    const address = `10.${octets(random)}`;
    lines.push(`-A FORWARD -d ${address}/32 -j HOST_${host}`);
    for (let count = 1; count < 20; count += 1) chains.push(`-A HOST_${host} ${service(random, host)}`);
  }
  return [...lines, ...chains, 'COMMIT', ''].join('\n');
}

function service(random, host) {
  switch (random(8)) {
    case 0:
      return `-s 10.${random(256)}.0.0/16 -i eth${random(4)} -p udp -m udp --dport ${random(60000)} -j ACCEPT`;
    case 1:
      return `-p tcp -m multiport --dports 80,443,${random(65000)}:65100 -j ACCEPT`;
    case 2:
      return `-s 10.${octets(random)}/32 -m mac --mac-source 00:1b:44:${random(90) + 10}:${random(90) + 10}:${random(90) + 10} -j RETURN`;
    case 3:
      return `-s 10.${octets(random)}/32 -m comment --comment "host ${host} asked for it" -j DROP`;
    default:
      return `-s 10.${octets(random)}/32 -p tcp -m tcp --dport ${[22, 25, 80, 443, 3306, 5432, 8080, random(65536)][random(8)]} -j ACCEPT`;
  }
}

/**
 * A campus firewall whose chains are nested: FORWARD leads to a chain for each network, that to one for each department,
 * that to one for each host, and hosts share chains for what many of them allow. FORWARD tells the networks by card.
 */
export function departments(rules, seed = 8888) {
  const random = seeded(seed);
  const hosts = Math.max(1, Math.floor(rules / 17.4));
  const [declared, inner, shared] = [['WEB', 'ADMIN', 'DENIED'], [], []];
  shared.push('-A WEB -p tcp -m tcp --dport 80 -j ACCEPT', '-A WEB -p tcp -m tcp --dport 443 -j ACCEPT');
  for (let count = 0; count < 6; count += 1)
    shared.push(`-A ADMIN -s 10.${random(256)}.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT`);
  shared.push('-A DENIED -p udp -m udp --dport 137:139 -j DROP', '-A DENIED -p tcp -m tcp --dport 445 -j DROP');
  const front = ['-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-A FORWARD -j DENIED'];
  for (let net = 0; net < NETS; net += 1) {
    declared.push(`NET_${net}`);
    front.push(`-A FORWARD -d 10.${net * 64}.0.0/10 -o eth${net + 1} -j NET_${net}`);
  }
  for (let host = 0; host < hosts; host += 1) {
    const net = host % NETS;
    const department = Math.floor(host / NETS) % DEPARTMENTS;
    const prefix = `10.${net * 64 + department}`;
    if (host < NETS * DEPARTMENTS) {
      declared.push(`DEPT_${net}_${department}`);
      inner.push(`-A NET_${net} -d ${prefix}.0.0/16 -j DEPT_${net}_${department}`);
    }
    declared.push(`HOST_${host}`);
    inner.push(`-A DEPT_${net}_${department} -d ${prefix}.${random(256)}.${random(256)}/32 -j HOST_${host}`);
    for (const chain of ['WEB', 'ADMIN']) if (random(2) === 0) inner.push(`-A HOST_${host} -j ${chain}`);
    for (let count = 0; count < 15; count += 1) inner.push(`-A HOST_${host} ${service(random, host)}`);
  }
  const lines = ['*filter', ':INPUT DROP [0:0]', ':FORWARD DROP [0:0]', ':OUTPUT ACCEPT [0:0]'];
  return [...lines, ...declared.map((name) => `:${name} - [0:0]`), ...front, ...inner, ...shared, 'COMMIT', ''].join(
    '\n',
  );
}

const NETS = 4;
const DEPARTMENTS = 12;

/** The nat table of a Kubernetes node with so many services of one pod each, in the form that kube-proxy writes. */
export function services(count, seed = 8888) {
  const random = seeded(seed);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const hash = () => Array.from({ length: 16 }, () => letters[random(32)]).join('');
  const [declared, front, back] = [[], [], []];
  for (let at = 0; at < count; at += 1) {
    const [service, pod] = [`KUBE-SVC-${hash()}`, `KUBE-SEP-${hash()}`];
    const name = `team-${at % 50}/shop-${at}:http`;
    const address = `10.244.${at >> 8}.${at & 255}`;
    declared.push(`:${service} - [0:0]`, `:${pod} - [0:0]`);
    front.push(
      `-A KUBE-SERVICES -d 10.96.${at >> 8}.${at & 255}/32 -p tcp -m comment --comment "${name} cluster IP" -m tcp --dport 80 -j ${service}`,
    );
    back.push(
      `-A ${pod} -s ${address}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`,
      `-A ${pod} -p tcp -m comment --comment "${name}" -m tcp -j DNAT --to-destination ${address}:8080`,
      `-A ${service} -m comment --comment "${name} -> ${address}:8080" -j ${pod}`,
    );
  }
  const own = [':KUBE-MARK-MASQ - [0:0]', ':KUBE-SERVICES - [0:0]'];
  const start = ['-A PREROUTING -j KUBE-SERVICES', '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000'];
  return ['*nat', ...own, ...declared, ...start, ...front, ...back, 'COMMIT', ''].join('\n');
}

// The least that could answer: the same rules read by patterns, and a loop over them. It knows what these rule sets ask for and
// nothing else: no routing, no connection tracking but NEW, no field that is not known, no words.

const address = (text) => text.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);

/** What a rule asks for, one function a condition, and where it leads. */
function readRule(line) {
  const checks = [];
  const find = (pattern, check) => {
    for (const match of line.matchAll(pattern)) {
      const wanted = match[1] === undefined;
      const test = check(match[2]);
      checks.push(wanted ? test : (packet) => !test(packet));
    }
  };
  const within = (field) => (text) => {
    const [host, length] = text.split('/');
    const mask = length === '0' ? 0 : (-1 << (32 - Number(length))) >>> 0;
    const value = address(host);
    return (packet) => (packet[field] & mask) >>> 0 === value;
  };
  const among = (field) => (text) => {
    const ranges = text.split(',').map((range) => range.split(':').map(Number));
    return (packet) => ranges.some(([low, high = low]) => packet[field] >= low && packet[field] <= high);
  };
  const is = (field) => (wanted) => (packet) => packet[field] === wanted;
  const number = (field) => (wanted) => (packet) => packet[field] === Number(wanted);
  find(/(! )?-s (\S+)/g, within('source'));
  find(/(! )?-d (\S+)/g, within('destination'));
  find(/(! )?-i (\S+)/g, is('in'));
  find(/(! )?-o (\S+)/g, is('out'));
  find(/(! )?-p (\S+)/g, (name) => number('protocol')({ tcp: 6, udp: 17, icmp: 1 }[name]));
  find(/(! )?--dports? (\S+)/g, among('destinationPort'));
  find(/(! )?--uid-owner (\d+)/g, number('uid'));
  find(/(! )?--gid-owner (\d+)/g, number('gid'));
  find(/(! )?--mac-source (\S+)/g, (mac) => number('sourceMac')(Number.parseInt(mac.replaceAll(':', ''), 16)));
  if (line.includes('--ctstate RELATED,ESTABLISHED')) checks.push(() => false);
  return { checks, to: /-j (\S+)/.exec(line)[1] };
}

/** Reads a table and gives what becomes of a packet in a built-in chain: a target's name, or `policy`. */
export function plainLoop(text) {
  const chains = new Map();
  for (const line of text.split('\n')) {
    const declared = /^:(\S+)/.exec(line)?.[1];
    if (declared) chains.set(declared, []);
    const added = /^-A (\S+)/.exec(line)?.[1];
    if (added) chains.get(added).push(readRule(line));
  }
  const run = (rules, packet) => {
    for (const { checks, to } of rules) {
      if (!checks.every((check) => check(packet))) continue;
      if (to === 'RETURN') return undefined;
      const next = chains.get(to);
      const verdict = next ? run(next, packet) : to;
      if (verdict) return verdict;
    }
    return undefined;
  };
  return (hook, packet) => run(chains.get(hook), packet) ?? 'policy';
}

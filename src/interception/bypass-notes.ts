import { FAMILIES, type Family, formatPortRange } from '../address/index.ts';
import { chainOf, effectOf, heldFor, type RuleSet, type Snapshot, TCP } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import { type BypassRequest, inUtc } from './bypass-request.ts';
import { portsOf } from './bypasses.ts';
import { portList } from './caught-words.ts';
import { interceptedPorts, virtualInterfaces } from './intercepted.ts';
import type { Notice, RecognisedName } from './interception.ts';
import { nativeTurns, turnWords } from './native-doubts.ts';
import { bothPorts, joinedPorts, type Ports } from './port-sets.ts';
import { proxyPortsOf } from './proxy-ports.ts';
import { recognise, recogniseAll } from './recognise.ts';
import type { RuleChange } from './rule-changes.ts';

/**
 * What a bypass does not cover, each only where it applies here. `about` is a stable name: `no interface`, `proxy ports`, `open connections`, `expiry`,
 * `own calls`, `other families`, `native tables`, `other software`, `virtual interfaces`, `mutual TLS`, `the mesh's next run`.
 */
export function notCoveredBy(
  snapshot: Snapshot,
  after: Snapshot,
  request: BypassRequest,
  changes: readonly RuleChange[],
): readonly Notice[] {
  // Rules made by hand may let own calls pass where a TPROXY waits for them.
  const sets = after.held.map(({ rules }) => rules);
  const ports = portList(request.ports);
  return [
    ...noInterface(snapshot),
    ...ofProxy(snapshot, request),
    ...ownCalls(sets, request, ports),
    ...otherFamilies(snapshot, request, ports),
    ...(changes.length > 0 ? ofChanges(snapshot, request, changes, ports) : nativeTables(snapshot, request)),
  ];
}

/**
 * What taking bypasses back does not cover.
 *
 * @param changes what it takes away
 */
export function notCoveredByUndo(changes: readonly RuleChange[]): readonly Notice[] {
  const taken = joinedPorts(
    ...changes.map(({ action, rule, was, family }) => portsOf(action === 'replace' && was ? was : rule, family)),
  );
  if (taken.length === 0) return [];
  const message = `Connections to ${portList(taken)} that are open now stay with the app until they close.`;
  return [{ about: 'open connections', message }];
}

/** Where nothing can come from outside, nothing of that changes. */
function noInterface({ interfaces }: Snapshot): readonly Notice[] {
  if (!interfaces?.every(({ name }) => name === 'lo')) return [];
  const message = 'There is no interface but lo: nothing comes from outside, so of that nothing changes.';
  return [{ about: 'no interface', message }];
}

/** Who asks for a port of the proxy's gets the proxy, whatever the rules do. */
function ofProxy(snapshot: Snapshot, request: BypassRequest): readonly Notice[] {
  const own = proxyPortsOf(snapshot).map((port) => [port, port] as const);
  const asked = bothPorts(own, request.ports);
  if (asked.length === 0) return [];
  const message = `On ${portList(asked)} the proxy itself listens: who asks for that reaches the proxy, with a bypass and without.`;
  return [{ about: 'proxy ports', message }];
}

function ofChanges(
  snapshot: Snapshot,
  request: BypassRequest,
  changes: readonly RuleChange[],
  ports: string,
): readonly Notice[] {
  const dialects = recogniseAll(snapshot, request.now).map(({ dialect }) => dialect);
  const notices: Notice[] = [];
  if (changes.some(({ action }) => action !== 'remove'))
    notices.push({
      about: 'open connections',
      message: `Connections to ${ports} that are open now stay with the proxy until they close.`,
    });
  if (request.until !== undefined)
    notices.push({
      about: 'expiry',
      message: `Connections that are opened before ${inUtc(request.until)} stay with the app after it.`,
    });
  notices.push(
    ...otherSoftware(snapshot, changes, request.now),
    ...virtual(
      snapshot.held.map(({ rules }) => rules),
      changes,
    ),
  );
  if (request.edit)
    notices.push({
      about: "the mesh's next run",
      message: 'When the mesh programs its rules again, its own list is back as it was.',
    });
  const tls = mutualTls(dialects, ports);
  return tls ? [...notices, tls] : notices;
}

function ownCalls(sets: readonly RuleSet[], request: BypassRequest, ports: string): readonly Notice[] {
  if (request.self) return [];
  const caught = sets.some((rules) =>
    [...interceptedPorts(rules, 'self', request.now).values()].some((own) => bothPorts(own, request.ports).length > 0),
  );
  if (!caught) return [];
  const message = `Calls that the pod makes to its own service on ${ports} still go through the proxy; --self lets them pass too.`;
  return [{ about: 'own calls', message }];
}

/** What native tables of others turn, a rule there alone lets pass. */
function nativeTables(snapshot: Snapshot, { ports, families }: BypassRequest): readonly Notice[] {
  const [turn] = families?.length === 1 ? nativeTurns(snapshot, families[0]) : nativeTurns(snapshot);
  if (!turn) return [];
  const { table, chain } = turn;
  const to = ports.map((range) => formatPortRange(range, '-')).join(', ');
  const command = `nft insert rule ${table.family} ${table.name} ${chain.name} tcp dport { ${to} } return`;
  const message = `Sidestep changes no tables of others there, and ${turnWords(turn)}. A rule in it would let these ports pass: ${command}`;
  return [{ about: 'native tables', message }];
}

function otherFamilies(
  snapshot: Snapshot,
  { families, ports: asked, now }: BypassRequest,
  ports: string,
): readonly Notice[] {
  const others = FAMILIES.filter((family) => !(families ?? FAMILIES).includes(family));
  const unread = FAMILIES.filter((family) => heldFor(snapshot, family).length === 0);
  const intercepting = others.filter((family) =>
    heldFor(snapshot, family).some(({ rules }) => caughtIn(rules, asked, now)),
  );
  return [
    ...intercepting.map((family) => ({
      about: 'other families',
      message: `${spoken(family)} still sends ${ports} to the proxy: it was left out.`,
    })),
    ...unread.map((family) => ({
      about: 'other families',
      message: `Whether ${spoken(family)} sends ${ports} to the proxy is not known: its rules were not read.`,
    })),
  ];
}

const caughtIn = (rules: RuleSet, ports: Ports, now: number): boolean =>
  [...interceptedPorts(rules, 'inbound', now).values()].some((own) => bothPorts(own, ports).length > 0);

const spoken = (family: Family): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** RETURN in a built-in chain ends it: whatever other software has put behind is skipped as well. */
function otherSoftware(snapshot: Snapshot, changes: readonly RuleChange[], now: number): readonly Notice[] {
  const skipped = new Set<string>();
  for (const change of changes) {
    if (change.action === 'remove' || !['PREROUTING', 'OUTPUT'].includes(change.chain)) continue;
    for (const { rules, backend } of heldFor(snapshot, change.family)) {
      if (backend !== change.backend) continue;
      const others = recognise(rules, now)?.foreign ?? [];
      for (const { number } of others.filter(({ table, chain }) => table === change.table && chain === change.chain)) {
        const rule = chainOf(rules, change.table, change.chain)?.rules[number - 1];
        // What stands before it is still met.
        if (number < change.number || !rule || !mayConcern(rule, change)) continue;
        skipped.add(`${change.table} ${change.chain} ${number} (${printRule(rule, change.family)})`);
      }
    }
  }
  if (skipped.size === 0) return [];
  const list = [...skipped].slice(0, 3).join(', ');
  const more = skipped.size > 3 ? ` and ${skipped.size - 3} more` : '';
  return [
    {
      about: 'other software',
      message: `RETURN ends the chain: these packets no longer meet ${list}${more}.`,
    },
  ];
}

/** Whether a rule would have done something to the packets that the bypass takes out of the chain. */
function mayConcern(rule: RuleChange['rule'], { rule: added, family }: RuleChange): boolean {
  const { kind } = effectOf(rule.target, family);
  const { protocol } = rule.header;
  if (kind === 'return' || kind === 'accept' || (kind === 'continue' && rule.target === undefined)) return false;
  if (protocol && !protocol.negated && protocol.value !== TCP) return false;
  return bothPorts(portsOf(rule, family), portsOf(added, family)).length > 0;
}

/** In nat a bypass stands behind the rules of virtual interfaces; in mangle Istio has none for them. */
function virtual(sets: readonly RuleSet[], changes: readonly RuleChange[]): readonly Notice[] {
  const names = [...new Set(sets.flatMap(virtualInterfaces))];
  if (names.length === 0) return [];
  const inMangle = changes.some(({ table, chain }) => table === 'mangle' && chain === 'PREROUTING');
  const message = inMangle
    ? `What a machine behind ${names.join(', ')} sends to these ports elsewhere is no longer taken by TPROXY either.`
    : `What comes in by ${names.join(', ')} is outbound traffic of a machine behind it, and stays as it is.`;
  return [{ about: 'virtual interfaces', message }];
}

/** The clients' side of a mesh does not see a rule of this pod: it goes on encrypting for a proxy that is not asked. */
function mutualTls(dialects: readonly RecognisedName[], ports: string): Notice | undefined {
  const say = (way: string): Notice => ({
    about: 'mutual TLS',
    message: `Clients in the mesh may go on sending ${ports} mutual TLS, which the app does not understand. ${way}`,
  });
  if (dialects.some((dialect) => dialect === 'istio' || dialect === 'istio-nft' || dialect === 'istio-2018'))
    return say('A DestinationRule with tls mode DISABLE for the port turns that off.');
  if (dialects.includes('linkerd')) return say('The annotation config.linkerd.io/skip-inbound-ports turns that off.');
  if (dialects.includes('kuma')) return say('A MeshTLS policy or the mesh’s mTLS mode PERMISSIVE turns that off.');
  return dialects.some((dialect) => ['consul', 'osm', 'app-mesh'].includes(dialect))
    ? say('The mesh’s own policy for the port turns that off.')
    : undefined;
}

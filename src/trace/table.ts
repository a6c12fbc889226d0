import type { TableName } from '../netfilter/index.ts';
import { refresh } from './arrival.ts';
import { runChain } from './chain.ts';
import { lostRedirect, rewriteInside } from './icmp-error.ts';
import { mapAgain, mapBack } from './mapping.ts';
import { isAskedBack, mapsDestination, natSilence } from './nat.ts';
import { type Asked, isHeld, isIdle, type PlannedTable } from './plan.ts';
import type { Outcome, Step } from './result.ts';
import { reroute } from './routing.ts';
import { snapshotOf, type Walk } from './state.ts';

/**
 * Asks one table of a hook: of every back end that holds it, in their order. Undefined: the packet passes on. `reroutes`:
 * tables after which a packet of this host's own is routed anew, where they changed what its route hangs on.
 */
export function askTable(walk: Walk, planned: PlannedTable, reroutes: readonly TableName[]): Outcome | undefined {
  const { name, held } = planned;
  if (name === 'nat') {
    const { destination } = walk.packet;
    const outcome = notFollowed(walk, planned) ?? askNat(walk, natsOf(walk, planned));
    if (outcome || walk.packet.destination === destination || !reroutes.includes('nat')) return outcome;
    return reroute(walk);
  }
  if (held.length === 0) say(walk, { table: name, backend: 'nft' }, 'no rules');
  for (const asked of besideEachOther(walk, planned)) {
    const outcome = askChain(walk, asked, reroutes);
    if (outcome) return outcome;
  }
  return undefined;
}

/** Asks one chain. A native one that holds nothing is not worth a word. */
export function askChain(walk: Walk, asked: Asked, reroutes: readonly TableName[]): Outcome | undefined {
  const { base } = asked;
  if (!base || isIdle(base)) {
    if (asked.backend !== 'native') say(walk, asked, 'no rules');
    return undefined;
  }
  const { mark } = walk.packet;
  say(walk, asked);
  const outcome = runChain(walk, base);
  if (outcome || walk.packet.mark === mark) return outcome;
  return steers(asked, reroutes) ? reroute(walk) : undefined;
}

/** Whether a new mark lets a packet be routed anew. Only chains of nft's type route do what mangle does (nft_chain_route.c). */
export const steers = ({ table, base }: Asked, reroutes: readonly TableName[]): boolean =>
  reroutes.includes('mangle') && (base?.base ? base.base.type === 'route' : table === 'mangle');

/** All that nat asks at a hook, in order: native chains among the tables of iptables. */
export const natsOf = (walk: Walk, planned: PlannedTable): readonly Asked[] => {
  const { before, after } = planned;
  const middle = besideEachOther(walk, planned);
  return before.length + after.length > 0 ? [...before, ...middle, ...after] : middle;
};

/** What becomes of a packet at a nat that is not followed; undefined where it is. */
export function notFollowed(walk: Walk, { before, held, beside, after }: PlannedTable): Outcome | undefined {
  if (walk.connection !== 'template' || ![...before, ...held, ...beside, ...after].some(isHeld)) return undefined;
  return {
    kind: 'unknown',
    because: 'what nat does with a packet that a rule has given a zone, but that has no connection, is not followed',
  };
}

/** nat decides once a connection and direction; the first chain that maps the connection has decided. */
function askNat(walk: Walk, all: readonly Asked[]): Outcome | undefined {
  const lost = lostRedirect(walk);
  if (lost) return lost;
  const silence = natSilence(walk);
  const ofDestination = mapsDestination(walk);
  if (silence === undefined && walk.way && !isAskedBack(walk)) return keepMapping(walk, all, ofDestination);
  if (all.length === 0) say(walk, { table: 'nat', backend: 'nft' }, 'no rules');
  let decided: string | undefined;
  for (const asked of all) {
    const { base } = asked;
    const quiet = base && !isIdle(base) ? (silence ?? decided) : 'no rules';
    if (quiet !== 'no rules' || asked.backend !== 'native') say(walk, asked, quiet);
    if (!base || quiet !== undefined) continue;
    const before = ofDestination ? walk.destination : walk.source;
    const outcome = runChain(walk, base);
    if (outcome) return outcome;
    if ((ofDestination ? walk.destination : walk.source) !== before)
      decided =
        asked.backend === 'native'
          ? `not asked: ${asked.table} has mapped it`
          : 'not asked: the other back end has mapped it';
  }
  if (silence === undefined) settleMapping(walk, ofDestination);
  return undefined;
}

const NOTHING = {
  original: 'a known connection stays unmapped, as its first packet was',
  reply: 'nothing of the reply is to be turned back here',
} as const;

/** A known connection is rewritten as its first packet was, and its replies back; no rule is asked. */
function keepMapping(walk: Walk, all: readonly Asked[], ofDestination: boolean): Outcome | undefined {
  const opened = walk.opening?.outcome;
  // Rules that are not understood may have mapped it.
  if (walk.way === 'original' && opened?.kind === 'unknown' && all.some(({ base }) => base?.rules.length))
    return { kind: 'unknown', because: `how nat mapped the connection's first packet is not known: ${opened.because}` };
  const before = snapshotOf(walk);
  const done = walk.way === 'reply' ? mapBack(walk, ofDestination) : mapAgain(walk, ofDestination);
  if (done !== undefined && walk.inside) rewriteInside(walk, ofDestination);
  const rewritten = done !== undefined;
  const silent = `not asked: ${done ?? NOTHING[walk.way ?? 'original']}`;
  const changed = walk.copy === before ? {} : { changed: snapshotOf(walk) };
  const asked: readonly Asked[] = all.length > 0 ? all : [{ table: 'nat', backend: 'nft' }];
  for (const each of asked) say(walk, each, each.base?.rules.length || rewritten ? silent : 'no rules', changed);
  settleMapping(walk, ofDestination);
  return undefined;
}

function settleMapping(walk: Walk, ofDestination: boolean): void {
  if (ofDestination) walk.destinationDecided = true;
  else walk.sourceDecided = true;
  refresh(walk);
}

/** Both back ends may hold the table. Where their order was not read, both orders are followed. */
function inOrder(walk: Walk, { name, held }: PlannedTable): readonly Asked[] {
  if (!walk.ground.orderUnknown || held.length < 2) return held;
  const holding = held.filter(({ base }) => base?.rules.length);
  if (holding.length < 2) return held;
  const where = `${name} ${walk.hook}`;
  const [one, other] = holding.map(({ backend }) => backend);
  const first = walk.decide(`order ${where}`, {
    where,
    because: 'both back ends hold rules here, and which runs first is not known',
    yes: `${one} runs first`,
    no: `${other} runs first`,
  });
  return first ? held : [...held].reverse();
}

/** iptables' tables and native chains of the same priority: whichever was made last runs first, and that was not read. */
export function besideEachOther(walk: Walk, planned: PlannedTable): readonly Asked[] {
  const held = inOrder(walk, planned);
  const { name, beside } = planned;
  if (beside.length === 0) return held;
  if (!beside.some(isHeld) || !held.some(isHeld)) return [...beside, ...held];
  const where = `${name} ${walk.hook}`;
  const title = beside.find(isHeld)?.table;
  const first = walk.decide(`native order ${where}`, {
    where,
    because: `${title} has the same priority as iptables' ${name}, and which was made last is not known`,
    yes: `${title} runs first`,
    no: `${name} of iptables runs first`,
  });
  return first ? [...beside, ...held] : [...held, ...beside];
}

type TableStep = Extract<Step, { readonly kind: 'table' }>;

/** Writes down that a table is asked, or why not. */
export function say(
  walk: Walk,
  { table, backend, base }: Asked,
  silent?: string,
  changed: Pick<TableStep, 'changed'> = {},
): void {
  if (!walk.steps) return;
  const step: TableStep = { kind: 'table', hook: walk.hook, table, backend };
  const chain = backend === 'native' && base ? { chain: base.name } : {};
  walk.steps.push({ ...step, ...chain, ...(silent === undefined ? {} : { silent }), ...changed });
}

import type { MatchExtension, TargetExtension } from './extension.ts';
import { addrtype } from './match/addrtype.ts';
import { comment } from './match/comment.ts';
import { connmark } from './match/connmark.ts';
import { conntrack } from './match/conntrack.ts';
import { hl } from './match/hl.ts';
import { icmp } from './match/icmp.ts';
import { icmp6 } from './match/icmp6.ts';
import { iprange } from './match/iprange.ts';
import { limit } from './match/limit.ts';
import { mac } from './match/mac.ts';
import { mark } from './match/mark.ts';
import { multiport } from './match/multiport.ts';
import { owner } from './match/owner.ts';
import { recent } from './match/recent.ts';
import { setMatch } from './match/set.ts';
import { socket } from './match/socket.ts';
import { state } from './match/state.ts';
import { statistic } from './match/statistic.ts';
import { tcp } from './match/tcp.ts';
import { time } from './match/time.ts';
import { ttl } from './match/ttl.ts';
import { udp } from './match/udp.ts';
import { connmarkTarget } from './target/connmark.ts';
import { ct } from './target/ct.ts';
import { dnat } from './target/dnat.ts';
import { log } from './target/log.ts';
import { markTarget } from './target/mark.ts';
import { masquerade } from './target/masquerade.ts';
import { nflog } from './target/nflog.ts';
import { notrack } from './target/notrack.ts';
import { redirect } from './target/redirect.ts';
import { reject } from './target/reject.ts';
import { snat } from './target/snat.ts';
import { accept, drop, queue, returns } from './target/standard.ts';
import { tproxy } from './target/tproxy.ts';
import { trace } from './target/trace.ts';

// A new match or target: its file, its import, and one line here.
const matches = [
  addrtype,
  comment,
  connmark,
  conntrack,
  hl,
  icmp,
  icmp6,
  iprange,
  limit,
  mac,
  mark,
  multiport,
  owner,
  recent,
  setMatch,
  socket,
  state,
  statistic,
  tcp,
  time,
  ttl,
  udp,
];
const targets = [
  accept,
  connmarkTarget,
  ct,
  dnat,
  drop,
  log,
  markTarget,
  masquerade,
  nflog,
  notrack,
  queue,
  redirect,
  reject,
  returns,
  snat,
  tproxy,
  trace,
];

type AnyMatch = MatchExtension<object>;
type AnyTarget = TargetExtension<object>;

function byName<T extends { readonly name: string; readonly aliases?: readonly string[] }>(list: readonly T[]) {
  const table = new Map<string, T>();
  for (const extension of list) {
    table.set(extension.name, extension);
    for (const alias of extension.aliases ?? []) table.set(alias, extension);
  }
  return table;
}

/** All matches and targets, for "did you mean" and for tests that visit each of them. */
// The options of a use come from the extension's own reader, so the types meet again inside each extension.
export const allMatches = matches as unknown as readonly AnyMatch[];
export const allTargets = targets as unknown as readonly AnyTarget[];

const matchTable = byName(allMatches);
const targetTable = byName(allTargets);

/** The match that `-m NAME` loads, or undefined when Sidestep does not know it. */
export const findMatch = (name: string): AnyMatch | undefined => matchTable.get(name);

/** The target that `-j NAME` means, or undefined when it is a chain or not known. */
export const findTarget = (name: string): AnyTarget | undefined => targetTable.get(name);

import type { MatchExtension, TargetExtension } from './extension.ts';
import { addrtype } from './match/addrtype.ts';
import { ah } from './match/ah.ts';
import { bpf } from './match/bpf.ts';
import { cgroup } from './match/cgroup.ts';
import { cluster } from './match/cluster.ts';
import { comment } from './match/comment.ts';
import { connbytes } from './match/connbytes.ts';
import { connlabel } from './match/connlabel.ts';
import { connlimit } from './match/connlimit.ts';
import { connmark } from './match/connmark.ts';
import { conntrack } from './match/conntrack.ts';
import { cpu } from './match/cpu.ts';
import { dccp } from './match/dccp.ts';
import { devgroup } from './match/devgroup.ts';
import { dscp } from './match/dscp.ts';
import { dst } from './match/dst.ts';
import { ecn } from './match/ecn.ts';
import { esp } from './match/esp.ts';
import { eui64 } from './match/eui64.ts';
import { frag } from './match/frag.ts';
import { hashlimit } from './match/hashlimit.ts';
import { hbh } from './match/hbh.ts';
import { helper } from './match/helper.ts';
import { hl } from './match/hl.ts';
import { icmp } from './match/icmp.ts';
import { icmp6 } from './match/icmp6.ts';
import { iprange } from './match/iprange.ts';
import { ipv6header } from './match/ipv6header.ts';
import { length } from './match/length.ts';
import { limit } from './match/limit.ts';
import { mac } from './match/mac.ts';
import { mark } from './match/mark.ts';
import { mh } from './match/mh.ts';
import { multiport } from './match/multiport.ts';
import { nfacct } from './match/nfacct.ts';
import { osf } from './match/osf.ts';
import { owner } from './match/owner.ts';
import { physdev } from './match/physdev.ts';
import { pkttype } from './match/pkttype.ts';
import { policy } from './match/policy.ts';
import { quota } from './match/quota.ts';
import { realm } from './match/realm.ts';
import { recent } from './match/recent.ts';
import { rpfilter } from './match/rpfilter.ts';
import { rt } from './match/rt.ts';
import { sctp } from './match/sctp.ts';
import { setMatch } from './match/set.ts';
import { socket } from './match/socket.ts';
import { state } from './match/state.ts';
import { statistic } from './match/statistic.ts';
import { string } from './match/string.ts';
import { tcp } from './match/tcp.ts';
import { tcpmss } from './match/tcpmss.ts';
import { time } from './match/time.ts';
import { tos } from './match/tos.ts';
import { ttl } from './match/ttl.ts';
import { u32 } from './match/u32.ts';
import { udp } from './match/udp.ts';
import { audit } from './target/audit.ts';
import { checksum } from './target/checksum.ts';
import { classify } from './target/classify.ts';
import { connmarkTarget } from './target/connmark.ts';
import { connsecmark } from './target/connsecmark.ts';
import { ct } from './target/ct.ts';
import { dnat } from './target/dnat.ts';
import { dscpTarget } from './target/dscp.ts';
import { ecnTarget } from './target/ecn.ts';
import { hmark } from './target/hmark.ts';
import { hlTarget, ttlTarget } from './target/hops.ts';
import { idletimer } from './target/idletimer.ts';
import { led } from './target/led.ts';
import { log } from './target/log.ts';
import { markTarget } from './target/mark.ts';
import { masquerade } from './target/masquerade.ts';
import { netmap } from './target/netmap.ts';
import { nflog } from './target/nflog.ts';
import { nfqueue } from './target/nfqueue.ts';
import { notrack } from './target/notrack.ts';
import { dnpt, snpt } from './target/npt.ts';
import { rateest } from './target/rateest.ts';
import { redirect } from './target/redirect.ts';
import { reject } from './target/reject.ts';
import { secmark } from './target/secmark.ts';
import { setTarget } from './target/set.ts';
import { snat } from './target/snat.ts';
import { accept, drop, queue, returns } from './target/standard.ts';
import { synproxy } from './target/synproxy.ts';
import { tcpmssTarget } from './target/tcpmss.ts';
import { tcpoptstrip } from './target/tcpoptstrip.ts';
import { tee } from './target/tee.ts';
import { tosTarget } from './target/tos.ts';
import { tproxy } from './target/tproxy.ts';
import { trace } from './target/trace.ts';

// A new match or target: its file, its import, and one line here.
const matches = [
  addrtype,
  ah,
  bpf,
  cgroup,
  cluster,
  comment,
  connbytes,
  connlabel,
  connlimit,
  connmark,
  conntrack,
  cpu,
  dccp,
  devgroup,
  dscp,
  dst,
  ecn,
  esp,
  eui64,
  frag,
  hashlimit,
  hbh,
  helper,
  hl,
  icmp,
  icmp6,
  iprange,
  ipv6header,
  length,
  limit,
  mac,
  mark,
  mh,
  multiport,
  nfacct,
  osf,
  owner,
  physdev,
  pkttype,
  policy,
  quota,
  realm,
  recent,
  rpfilter,
  rt,
  sctp,
  setMatch,
  socket,
  state,
  statistic,
  string,
  tcp,
  tcpmss,
  time,
  tos,
  ttl,
  u32,
  udp,
];
const targets = [
  accept,
  audit,
  checksum,
  classify,
  connmarkTarget,
  connsecmark,
  ct,
  dnat,
  dnpt,
  drop,
  dscpTarget,
  ecnTarget,
  hlTarget,
  hmark,
  idletimer,
  led,
  log,
  markTarget,
  masquerade,
  netmap,
  nflog,
  nfqueue,
  notrack,
  queue,
  rateest,
  redirect,
  reject,
  returns,
  secmark,
  setTarget,
  snat,
  snpt,
  synproxy,
  tcpmssTarget,
  tcpoptstrip,
  tee,
  tosTarget,
  tproxy,
  trace,
  ttlTarget,
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

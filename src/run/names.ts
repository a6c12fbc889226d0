import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { addressesIn, answerTo, codeOf, failureTo, questionOf } from './dns-message.ts';
import { byTcp, byUdp, type Carrier, type NameSocket, overTcp, overUdp } from './dns-transport.ts';

/** The name service of a pod. */
export interface Names {
  /** The name by which an address had last been found at a time (milliseconds since 1970; now), if any. */
  nameOf(address: string, at?: number): string | undefined;
  close(): void;
}

/** What became of a question for a name's addresses. */
export interface Answered {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Why there are none; undefined where there are, or where the name has none of the family that was asked for. */
  readonly failure: 'no such name' | 'no answer' | undefined;
}

export interface NamesOptions {
  /** Sockets in the pod that questions come to. */
  readonly udp: readonly NameSocket[];
  readonly tcp: readonly number[];
  /** Who is asked, in place of this host's own servers. */
  readonly servers?: readonly NameServer[];
  /** Names that are not asked for: each with its address. */
  readonly own: Readonly<Record<string, string>>;
  /** Told of each answer that has addresses, and of names that could not be found. */
  readonly answered?: (answer: Answered) => void;
}

/** A name, and since when an address is known by it. */
interface Found {
  readonly name: string;
  readonly since: number;
}

export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** Questions under way at a time; who asks more is not heard, and asks again. */
const MOST = 512;
/** Addresses kept. */
const KEPT = 4096;
/** Names kept of each: what many names share is told by the right one as long as its connections were made not too many names ago. */
const NAMES_KEPT = 32;
const DNS = 53;
/** By the answer's code. Source: RFC 1035, section 4.1.1. */
const FAILURES: Readonly<Record<number, Answered['failure']>> = { 2: 'no answer', 3: 'no such name' };

/**
 * Passes questions for names on to this host's own servers, and remembers the answers' addresses. Servers are looked up for each
 * question, since they change with the network that a host is in; one after the other is asked, as resolv.conf(5) has it.
 */
export function openNames({ udp, tcp, own, servers, answered }: NamesOptions): Names {
  /** By address: its names, the one that was found last in front. */
  const known = new Map<string, readonly Found[]>();
  let asking = 0;

  const remember = (name: string, answer: Buffer): Buffer => {
    const addresses = addressesIn(answer);
    for (const address of addresses) {
      const [last, ...earlier] = known.get(address) ?? [];
      known.delete(address);
      const before = last === undefined ? [] : [last, ...earlier];
      known.set(address, last?.name === name ? before : [{ name, since: Date.now() }, ...before].slice(0, NAMES_KEPT));
    }
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break;
      known.delete(oldest);
    }
    const failure = FAILURES[codeOf(answer)];
    if (addresses.length > 0 || failure) answered?.({ name, addresses, failure });
    return answer;
  };

  const answerFor = async (query: Buffer, carry: Carrier): Promise<Buffer | undefined> => {
    const question = questionOf(query);
    if (!question || asking >= MOST) return undefined;
    const ours = Object.hasOwn(own, question.name) ? own[question.name] : undefined;
    if (ours !== undefined) return remember(question.name, answerTo(query, question, ours));
    asking += 1;
    try {
      for (const { address, port } of servers ?? serversHere()) {
        const answer = await carry(query, address, port).catch(() => undefined);
        if (answer) return remember(question.name, answer);
      }
      return remember(question.name, failureTo(query, question));
    } finally {
      asking -= 1;
    }
  };

  const sockets = udp.map((socket) => overUdp(socket, (query) => answerFor(query, byUdp)));
  const listeners = tcp.map((fd) => overTcp(fd, (query) => answerFor(query, byTcp)));
  return {
    nameOf: (address, at = Date.now()) => known.get(address)?.find(({ since }) => since <= at)?.name,
    close() {
      for (const open of [...sockets, ...listeners]) open.close();
    },
  };
}

/** This host's name servers; its own loopback where none is named. Source: resolv.conf(5). */
function serversHere(): readonly NameServer[] {
  let text = '';
  try {
    text = readFileSync('/etc/resolv.conf', 'utf8');
  } catch {
    // Without the file the C library asks the loopback too.
  }
  const named = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, address = '']) => address);
  const addresses = named.filter((address) => isIP(address.replace(/%.*/, '')) > 0);
  return (addresses.length > 0 ? addresses : ['127.0.0.1']).map((address) => ({ address, port: DNS }));
}

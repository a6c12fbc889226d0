import type { AddressValue, Family } from '../../../src/address/index.ts';
import { readHandles } from '../../../src/linux/index.ts';
import { toSockaddr } from '../../../src/linux/socket/address.ts';
import { ICMP, ICMPV6, type RuleSet, type Snapshot, TCP, UDP } from '../../../src/netfilter/index.ts';
import { SCTP, UDPLITE } from '../../../src/netfilter/protocol.ts';
import { parseSave } from '../../../src/text/index.ts';
import { explore } from '../../../src/trace/decisions.ts';
import { prepareWalk } from '../../../src/trace/index.ts';
import { randomSets } from '../../support/random-rules.ts';
import { type Account, Accounts } from './account.ts';
import { Comparison, Differs } from './compare.ts';
import { type Machine, openMachine, type World } from './machine.ts';
import { type Probe, questionOf, writePacket } from './probe.ts';

/** One rule set loaded in a namespace of its own, and Sidestep's reading of the same text. */
export interface Session {
  readonly rules: RuleSet;
  readonly names: readonly string[];
  /** Whether no packet before had a tuple that connection tracking might take for this one's. Remembers it. */
  isNew(probe: Probe): boolean;
  /** Sends packets and returns the kernel's account of each. */
  send(probes: readonly Probe[]): readonly Account[];
  /** Sends one packet as the first that connection tracking knows of. */
  sendAnew(probe: Probe): Account;
  /** Holds the account beside Sidestep's walk. True: agreed to the end; false: as far as Sidestep knows. Throws Differs. */
  compare(probe: Probe, account: Account): boolean;
  close(): void;
}

/** Throws Refused where the kernel does not take the rules, and DiagnosticError where Sidestep does not. */
export function openSession(world: World, base: Snapshot, family: Family, text: string): Session {
  const [rules] = parseSave(text, { family, source: 'rules' });
  if (!rules) throw new Error('there are no rules');
  const machine = openMachine(world);
  try {
    const ipsets = /-m set |-j SET /.test(text) ? randomSets(family) : '';
    machine.load(family, text, ipsets);
    const held = [{ backend: 'nft' as const, rules }];
    const walk = prepareWalk({ ...base, held, ...(ipsets === '' ? {} : { ipsets }) }, [15001, 15006]);
    const names = (base.interfaces ?? []).reduce<string[]>((all, { name, index }) => {
      all[index] = name;
      return all;
    }, []);
    const accounts = new Accounts(readHandles(family), busyChains(rules));
    const bytes = new Uint8Array(256);
    let last = 0;
    const send = (probes: readonly Probe[]): readonly Account[] => {
      const first = last;
      for (const probe of probes) {
        last = (last + 1) & 0xffff;
        sendOne(machine, probe, last, bytes);
      }
      machine.receiver.receive((message) => accounts.take(message));
      return probes.map((_, index) => accounts.of((first + index + 1) & 0xffff));
    };
    return {
      rules,
      isNew: tuples(),
      names,
      send,
      sendAnew(probe) {
        machine.forget();
        return send([probe])[0]!;
      },
      compare(probe, account) {
        const question = questionOf(probe);
        let first: Differs | undefined;
        // Where the kernel may choose among addresses or ports, its choice is one of the ways.
        const { ways } = explore((decide) => {
          const comparison = new Comparison(account, names);
          try {
            const { outcome, packet } = walk(question, { witness: comparison, decide });
            return comparison.ended(outcome, packet);
          } catch (error) {
            if (!(error instanceof Differs)) throw error;
            first ??= error;
            return undefined;
          }
        }, 64);
        const agreed = ways.find(({ result }) => result !== undefined);
        if (agreed?.result === undefined) throw first;
        return agreed.result;
      },
      close: () => machine.close(),
    };
  } catch (error) {
    machine.close();
    throw error;
  }
}

/**
 * Tells whether a packet's connection has its tuples to itself: no packet before had the same source and port, nor the same
 * destination, port and source port. So it has none that source nat to one address, or destination nat to one address,
 * would make the same. ICMP's have an id of their own; of other protocols there is one packet between two ends.
 */
function tuples(): (probe: Probe) => boolean {
  const numbers = new Map<AddressValue, number>();
  const numberOf = (address: AddressValue): number => {
    const known = numbers.get(address);
    if (known !== undefined) return known;
    numbers.set(address, numbers.size);
    return numbers.size - 1;
  };
  // One whole number for each tuple: addresses by number, of which there are fewer than 2^20.
  const seen = new Map<string | number, Set<number>>();
  const among = (name: string | number): Set<number> => {
    const set = seen.get(name) ?? new Set();
    if (set.size === 0) seen.set(name, set);
    return set;
  };
  return ({ protocol, source, destination, sourcePort, destinationPort }) => {
    if (protocol === ICMP || protocol === ICMPV6) return true;
    const [from, to] = [numberOf(source), numberOf(destination)];
    const sources = among(protocol);
    if (!PORTED.has(protocol)) {
      const ends = Math.min(from, to) * 2 ** 20 + Math.max(from, to);
      return !sources.has(ends) && sources.add(ends) === sources;
    }
    const targets = among(`to ${protocol}`);
    const way = from * 65536 + sourcePort;
    const target = (to * 65536 + destinationPort) * 65536 + sourcePort;
    if (sources.has(way) || targets.has(target)) return false;
    sources.add(way);
    targets.add(target);
    return true;
  };
}

const PORTED: ReadonlySet<number> = new Set([TCP, UDP, UDPLITE, SCTP]);

function sendOne(machine: Machine, probe: Probe, id: number, bytes: Uint8Array): void {
  const length = writePacket(probe, id, bytes);
  if (probe.on !== undefined) machine.arrive(probe.on, bytes, length);
  else {
    const { family, owner, mark, destination } = probe;
    machine.depart(family, owner, mark, sockaddrOf(destination), bytes, length);
  }
}

const SOCKADDR = {
  ipv4: toSockaddr({ family: 'ipv4', address: '0.0.0.0', port: 0 }),
  ipv6: toSockaddr({ family: 'ipv6', address: '::', port: 0 }),
};

/** A struct sockaddr: good until the next one is asked for. */
function sockaddrOf(address: AddressValue): Uint8Array {
  const bytes = typeof address === 'number' ? SOCKADDR.ipv4 : SOCKADDR.ipv6;
  const view = new DataView(bytes.buffer);
  if (typeof address === 'number') view.setUint32(4, address);
  else {
    view.setBigUint64(8, address >> 64n);
    view.setBigUint64(16, BigInt.asUintN(64, address));
  }
  return bytes;
}

function busyChains({ tables }: RuleSet): ReadonlySet<string> {
  return new Set(
    tables.flatMap(({ name: table, chains }) =>
      chains
        .filter(({ rules, policy }) => policy !== undefined && (rules.length > 0 || policy !== 'ACCEPT'))
        .map(({ name }) => `${table} ${name}`),
    ),
  );
}

export { Differs };

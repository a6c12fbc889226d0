import { type Family, formatAddress } from '../../../src/address/index.ts';
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
    const tuples = new Set<string>();
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
      isNew(probe) {
        const keys = keysOf(probe);
        if (keys.some((key) => tuples.has(key))) return false;
        for (const key of keys) tuples.add(key);
        return true;
      },
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
 * Tuples that a connection of its own must have to itself: as it comes, as its reply comes, and as source nat to one address or
 * destination nat to one address would make it. ICMP's have an id of their own.
 */
function keysOf({ protocol, source, destination, sourcePort, destinationPort }: Probe): readonly string[] {
  if (protocol === ICMP || protocol === ICMPV6) return [];
  if (![TCP, UDP, UDPLITE, SCTP].includes(protocol)) {
    const ends = [source, destination].sort();
    return [`${protocol} ${ends[0]} ${ends[1]}`];
  }
  return [
    `${protocol} from ${source} ${sourcePort}`,
    `${protocol} to ${sourcePort} ${destination} ${destinationPort}`,
    `${protocol} ${destinationPort} ${destination}`.concat(
      source === destination ? ` ${sourcePort}` : ` ${source} ${sourcePort}`,
    ),
  ];
}

function sendOne(machine: Machine, probe: Probe, id: number, bytes: Uint8Array): void {
  const length = writePacket(probe, id, bytes);
  if (probe.on !== undefined) machine.arrive(probe.on, bytes, length);
  else {
    const { family, owner, mark, destination } = probe;
    const to = toSockaddr({ family, address: formatAddress(family, destination), port: 0 });
    machine.depart(family, owner, mark, to, bytes, length);
  }
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

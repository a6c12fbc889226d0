import type { Family } from '../../../src/address/index.ts';
import type { Snapshot } from '../../../src/netfilter/index.ts';
import { explore } from '../../../src/trace/decisions.ts';
import { prepareWalk } from '../../../src/trace/index.ts';
import type { Account } from './account.ts';
import type { Target } from './aim.ts';
import { type Mismatch, mismatchIn } from './compare.ts';
import { type Backend, load } from './loaded.ts';
import { openMachine, readWorld, WORLDS, type World } from './machine.ts';
import { type Probe, questionOf } from './probe.ts';
import { sendProbe } from './send.ts';
import { tuples } from './tuples.ts';

/** A world, what Sidestep reads in it, and whose rules are loaded there. */
export interface Ground {
  readonly world: World;
  readonly base: Snapshot;
  readonly backend: Backend;
}

/** Reads each world once. */
export async function readGrounds(backend: Backend): Promise<readonly Ground[]> {
  const grounds: Ground[] = [];
  for (const world of WORLDS) grounds.push({ world, base: await readWorld(world), backend });
  return grounds;
}

/** One rule set loaded in a namespace of its own, and Sidestep's reading of the same text. */
export interface Session {
  /** All that Sidestep is told of the machine. */
  readonly snapshot: Snapshot;
  readonly targets: readonly Target[];
  readonly extensions: readonly string[];
  /** Whether no packet before had a tuple that connection tracking might take for this one's. Remembers it. */
  isNew(probe: Probe): boolean;
  /** Sends packets and returns the kernel's account of each. */
  send(probes: readonly Probe[]): readonly Account[];
  /** Sends one packet as the first that connection tracking knows of. */
  sendAnew(probe: Probe): Account;
  /** Holds the account beside Sidestep's walk. True: agreed to the end; false: as far as Sidestep knows. Throws Mismatch. */
  compare(probe: Probe, account: Account): boolean;
  close(): void;
}

/** The kernel's choices that are followed for one packet. */
const MOST_WAYS = 64;
export const PROXY_PORTS = [15001, 15006];

/** Throws Refused where the kernel does not take the rules, and InputRefused where Sidestep does not. */
export function openSession({ world, base, backend }: Ground, family: Family, text: string): Session {
  const machine = openMachine(world);
  try {
    const names = (base.interfaces ?? []).reduce<string[]>((all, { name, index }) => {
      all[index] = name;
      return all;
    }, []);
    const loaded = load(machine, { backend, family, text }, names);
    const { targets, extensions, accounts, counted } = loaded;
    const snapshot = { ...base, ...loaded.snapshot };
    const walk = prepareWalk(snapshot, PROXY_PORTS);
    let last = 0;
    const sent = (probes: readonly Probe[]): readonly Account[] => {
      const first = last;
      for (const probe of probes) {
        last = (last + 1) & 0xffff;
        sendProbe(machine, probe, last);
      }
      machine.receiver.receive((message) => accounts.take(message));
      return probes.map((_, index) => accounts.of((first + index + 1) & 0xffff));
    };
    // Counters do not tell packets apart.
    const send = counted ? (probes: readonly Probe[]) => probes.map((probe) => counted(sent([probe])[0]!)) : sent;
    return {
      snapshot,
      targets,
      extensions,
      isNew: tuples(),
      send,
      sendAnew(probe) {
        machine.forget();
        return send([probe])[0]!;
      },
      compare(probe, account) {
        const question = questionOf(probe);
        let furthest: Mismatch | undefined;
        // Where the kernel may choose among addresses or ports, its choice is one of the ways.
        const agreement = (asked: boolean): boolean | undefined =>
          explore((decide) => {
            const comparison = loaded.comparison(account, asked);
            try {
              const { outcome, packet } = walk(question, { witness: comparison, decide });
              return comparison.ended(outcome, packet) === undefined;
            } catch (error) {
              const mismatch = mismatchIn(error);
              if (!mismatch) throw error;
              if (!furthest || mismatch.agreed > furthest.agreed) furthest = mismatch;
              return undefined;
            }
          }, MOST_WAYS).ways.find(({ result }) => result !== undefined)?.result;
        const agreed = agreement(true) ?? (counted ? agreement(false) : undefined);
        if (agreed === undefined) throw furthest;
        return agreed;
      },
      close() {
        loaded.close();
        machine.close();
      },
    };
  } catch (error) {
    machine.close();
    throw error;
  }
}

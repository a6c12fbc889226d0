import type { Backend, Snapshot, Unread } from '../netfilter/index.ts';
import { contested } from './backend.ts';
import {
  keyOf,
  type Readings,
  type RefusedReading,
  type RulesKey,
  readRules,
  ruleRequests,
  rulesIn,
} from './held-rules.ts';
import { NFT_TABLES, sysctlsAside, sysctlsIn, unreadSysctls } from './kernel-files.ts';
import type { Namespace } from './namespace.ts';
import { type ReadTables, readNativeTables } from './native-tables.ts';
import { type ReadRouting, type RoutingKey, readRouting, routingRequests } from './routing.ts';
import { type Answers, type Outcome, openSession } from './session.ts';
import { type Plan, stepsOf, type TableTexts } from './step.ts';

/** Rules, routing and sysctls of a namespace, and what only a change asks for. */
export interface State {
  readonly snapshot: Snapshot;
  readonly readings: Readings;
  readonly routing: ReadRouting;
  readonly refusals: readonly RefusedReading[];
  readonly nftWorks: boolean;
  /** The tables of nftables that are not iptables' own, as nft listed them. */
  readonly texts: TableTexts;
  /** How the plan ended that was carried out before this was read. */
  readonly outcome: Outcome;
}

/** A state that can be changed before anybody else of this program changes it. */
export interface OpenState {
  readonly state: State;
  /** Carries out a plan and reads again. The state is closed by it. */
  apply(plan: Plan, wait: number): Promise<State>;
  close(): void;
}

export interface StateOptions {
  /** Keep the counters of rules. */
  readonly counters?: boolean;
  /** The back end that will be changed, where it is known already. */
  readonly backend?: Backend | undefined;
  /** Keep others of this program from changing it meanwhile; wait this many seconds for them. */
  readonly lock?: number;
}

/** Reads a namespace and stays in it. */
export async function openState(namespace: Namespace, options: StateOptions = {}): Promise<OpenState> {
  const rules = { counters: options.counters ?? false, backend: options.backend };
  const session = await openSession<RulesKey | RoutingKey>(
    namespace,
    { ...ruleRequests(rules), ...routingRequests() },
    options.lock,
  );
  const tables = await readNativeTables(namespace, session.first.files.get(NFT_TABLES));
  const readings = await readRules(namespace, session.first, rules);
  const state = stateOf(namespace, session.first, readings, readRouting(session.first), tables);
  return {
    state,
    async apply(plan, wait) {
      // What the plan does not touch is as it was.
      const touched = { ...rules, only: touchedBy(plan) };
      const routed = stepsOf(plan).some(({ kind }) => kind === 'ip');
      const wrote = stepsOf(plan).some(({ kind }) => kind === 'nft');
      const answers = await session.carryOut(plan, wait, {
        ...ruleRequests(touched),
        ...(routed ? routingRequests() : {}),
      });
      const again = { ...readings, ...(await readRules(namespace, answers, touched)) };
      const now = wrote ? await readNativeTables(namespace, answers.files.get(NFT_TABLES)) : tables;
      return stateOf(namespace, answers, again, routed ? readRouting(answers) : state.routing, now);
    },
    close: session.close,
  };
}

/** Reads a namespace. */
export async function readState(namespace: Namespace, options: StateOptions = {}): Promise<State> {
  const open = await openState(namespace, options);
  open.close();
  return open.state;
}

const touchedBy = (plan: Plan): ReadonlySet<RulesKey> =>
  new Set(stepsOf(plan).flatMap((step) => (step.kind === 'restore' ? [keyOf(step.backend, step.family)] : [])));

function stateOf(
  namespace: Namespace,
  { files, outcome }: Answers<string>,
  readings: Readings,
  routing: ReadRouting,
  { native, texts, unread: unreadTables }: ReadTables,
): State {
  const { held, unread: unreadRules, refusals, nftWorks } = rulesIn(readings);
  const { unread: unreadRouting, ...places } = routing;
  const sysctls = unreadSysctls(files).map(
    (what): Unread => ({ about: 'sysctls', what, because: 'this user may not read it' }),
  );
  const aside = sysctlsAside(files).map(
    (what): Unread => ({ about: 'settings', what, because: 'what it changes is not followed' }),
  );
  const unread = [...unreadRules, ...unreadTables, ...unreadRouting, ...sysctls, ...aside];
  const snapshot = {
    origin: namespace.title,
    taken: new Date().toISOString(),
    held,
    ...(native === undefined || native.length === 0 ? {} : { native }),
    clocks: { nft: 'UTC' as const },
    ...(contested(held).length > 0 ? { orderUnknown: true as const } : {}),
    ...places,
    sysctls: sysctlsIn(files),
    ...(unread.length > 0 ? { unread } : {}),
  };
  return { snapshot, readings, routing, refusals, nftWorks, texts, outcome };
}

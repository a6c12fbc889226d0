import type { NftChain, NftHook, NftRule, NftStatement, NftTable } from '../netfilter/index.ts';

// Chains at a device see what arrives there before all others, and before connection tracking: here they stand in PREROUTING, in
// front of everything. Those at egress see what leaves by it after all others: here they stand in POSTROUTING, behind everything.
// Source: net/core/dev.c, __netif_receive_skb_core: nf_ingress; __dev_queue_xmit: nf_hook_egress.

/** Before every priority that a chain of another hook can have. */
const FIRST = Number.MIN_SAFE_INTEGER;
const SPAN = 2 ** 31;
/** After all of them. */
const LAST = Number.MAX_SAFE_INTEGER - 2 * SPAN;

/** Whether a chain stands at a device. The kernel tells nothing of it: it is asked before tracing begins, or after it is over. */
export const isAtDevice = ({ base }: { readonly base?: NftHook }): boolean =>
  base !== undefined && Math.abs(base.priority) > SPAN;

/** The table with its chains at devices put in front of the others, or behind: each rule of theirs asks for the device first. */
export function aroundAll(table: NftTable): NftTable {
  if (!table.chains.some(({ base }) => base && base.hook in PLACES)) return table;
  return {
    ...table,
    chains: table.chains.map((chain) => (chain.base && chain.base.hook in PLACES ? atEnd(chain) : chain)),
  };
}

/** Where the chains of a hook at a device stand, and the field that tells the device. */
const PLACES = {
  ingress: { hook: 'prerouting', from: FIRST + SPAN, key: 'iifname' },
  egress: { hook: 'postrouting', from: LAST + SPAN, key: 'oifname' },
} as const;
type DeviceHook = keyof typeof PLACES;

/** Whether a table has chains at egress of which only the words are there. */
export const isUnreadEgress = ({ chains, words = '' }: NftTable): boolean =>
  chains.length === 0 && HOOK.egress.test(words);

function atEnd({ base, rules, ...chain }: NftChain): NftChain {
  const { devices, policy, priority, hook: at } = base!;
  const { hook, from, key } = PLACES[at as DeviceHook];
  const last: NftRule[] =
    policy === 'drop' ? [{ statements: [{ kind: 'drop' }], comment: 'the policy of the chain' }] : [];
  return {
    ...chain,
    base: { type: 'filter', hook, priority: from + priority, policy: 'accept', devices: [] },
    rules: [...rules, ...last].map((rule) => ({
      ...rule,
      statements: [atDevices(devices, key), ...(at === 'egress' ? withoutArrival(rule.statements) : rule.statements)],
    })),
  };
}

/** What leaves by a device has no incoming one any more, forwarded or not: rules that ask for it are not followed. */
const withoutArrival = (statements: readonly NftStatement[]): readonly NftStatement[] =>
  statements.map((statement) => {
    const asks = JSON.stringify(statement, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (!/"kind":"meta","key":"iif/.test(asks)) return statement;
    const because = 'at egress there is no incoming interface, and what rules make of that is not followed';
    return { kind: 'xt', type: 'match', name: 'iif', because };
  });

/** nft 1.0.6 does not tell the devices in JSON: then it is not known whether a packet passes. */
const atDevices = (devices: readonly string[], key: (typeof PLACES)[DeviceHook]['key']): NftStatement =>
  devices.length === 0
    ? {
        kind: 'xt',
        type: 'match',
        name: 'device',
        because: 'nft does not tell in JSON which device the chain stands at',
      }
    : {
        kind: 'match',
        operator: '==',
        left: { kind: 'meta', key },
        right: { kind: 'set', elements: devices.map((value) => ({ key: { kind: 'value', value } })) },
      };

/** In place of a netdev table of which only the words are there: whoever arrives may meet any rule of it. */
export function unreadIngress({ family, name, chains, words = '' }: NftTable): NftTable | undefined {
  if (family !== 'netdev' || chains.length > 0 || !HOOK.ingress.test(words)) return undefined;
  const devices = [...words.matchAll(DEVICES)].flatMap(([, one, several = '']) =>
    one === undefined ? several.split(',').map((word) => word.trim().replaceAll('"', '')) : [one],
  );
  const because = `what table netdev ${name} does at a device is not followed: nft list table netdev ${name} shows it`;
  const rule: NftRule = {
    statements: [
      ...(devices.length === 0 ? [] : [atDevices(devices, 'iifname')]),
      { kind: 'xt', type: 'match', name: '(any rule)', because },
      { kind: 'opaque', words: '(does anything)', because },
    ],
  };
  return {
    family: 'inet',
    name,
    flags: [],
    objects: [],
    sets: [],
    flowtables: [],
    chains: [
      {
        name: 'ingress',
        flags: [],
        base: { type: 'filter', hook: 'prerouting', priority: FIRST, policy: 'accept', devices: [] },
        rules: [rule],
      },
    ],
  };
}

/** In nft's words and in its JSON. */
const HOOK = { ingress: /\bhook"?:?\s*"?ingress\b/, egress: /\bhook"?:?\s*"?egress\b/ } as const;
const DEVICES = /\bhook ingress devices? (?:"?([^\s"{=]+)"?|=? ?\{([^}]*)\})/g;

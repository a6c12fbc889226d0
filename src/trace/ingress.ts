import type { NftChain, NftHook, NftRule, NftStatement, NftTable } from '../netfilter/index.ts';

// Chains at a device see what arrives there before all others, and before connection tracking. Here they stand in PREROUTING,
// in front of everything. Source: net/core/dev.c, __netif_receive_skb_core: nf_ingress.

/** Before every priority that a chain of another hook can have. */
const FIRST = Number.MIN_SAFE_INTEGER;

/** Whether a chain stands at a device. The kernel tells nothing of it: it is asked before tracing begins. */
export const isAtDevice = ({ base }: { readonly base?: NftHook }): boolean =>
  base !== undefined && base.priority < -(2 ** 31);

/** The table with its chains at devices put in front of the others: each rule of theirs asks for the device first. */
export function beforeAll(table: NftTable): NftTable {
  if (!hooksAt(table, 'ingress')) return table;
  return { ...table, chains: table.chains.map((chain) => (chain.base?.hook === 'ingress' ? inFront(chain) : chain)) };
}

/** Whether a table has chains at devices; of a netdev table only the words are there. */
export const hooksAt = ({ chains, words = '' }: NftTable, hook: 'ingress' | 'egress'): boolean =>
  chains.some(({ base }) => base?.hook === hook) || HOOK[hook].test(words);

function inFront({ base, rules, ...chain }: NftChain): NftChain {
  const { devices, policy, priority } = base!;
  const last: NftRule[] =
    policy === 'drop' ? [{ statements: [{ kind: 'drop' }], comment: 'the policy of the chain' }] : [];
  return {
    ...chain,
    base: { type: 'filter', hook: 'prerouting', priority: FIRST + (priority + 2 ** 31), policy: 'accept', devices: [] },
    rules: [...rules, ...last].map((rule) => ({ ...rule, statements: [atDevices(devices), ...rule.statements] })),
  };
}

/** nft 1.0.6 does not tell the devices in JSON: then it is not known whether a packet passes. */
const atDevices = (devices: readonly string[]): NftStatement =>
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
        left: { kind: 'meta', key: 'iifname' },
        right: { kind: 'set', elements: devices.map((value) => ({ key: { kind: 'value', value } })) },
      };

/** In place of a netdev table, of which only the words are there: whoever arrives may meet any rule of it. */
export function unreadIngress({ family, name, words = '' }: NftTable): NftTable | undefined {
  if (family !== 'netdev' || !HOOK.ingress.test(words)) return undefined;
  const devices = [...words.matchAll(DEVICES)].flatMap(([, one, several = '']) =>
    one === undefined ? several.split(',').map((word) => word.trim().replaceAll('"', '')) : [one],
  );
  const because = `what table netdev ${name} does at a device is not followed: nft list table netdev ${name} shows it`;
  const rule: NftRule = {
    statements: [
      ...(devices.length === 0 ? [] : [atDevices(devices)]),
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

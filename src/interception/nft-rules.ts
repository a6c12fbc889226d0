import { type Family, formatAddress, parseAddress } from '../address/index.ts';
import type { NftExpression, NftRule, NftStatement, Rule, TableName } from '../netfilter/index.ts';
import { parseRule } from '../text/index.ts';

/** The name that iptables' form of Istio gives a chain of its native one. */
export const iptablesChain = (chain: string): string => chain.toUpperCase().replaceAll('-', '_');

/**
 * A rule of Istio's native tables as a rule of iptables with the same meaning, for one family. `elsewhere`: it meets packets of
 * the other family only. Undefined where iptables has no words for it, or Sidestep does not know them.
 */
export function iptablesRule(
  rule: NftRule,
  family: Family,
  table: TableName,
  chains: readonly string[],
): Rule | 'elsewhere' | undefined {
  const words: string[] = [];
  const state: State = { family, protocol: undefined, words };
  const { statements } = rule;
  const tproxy = tproxyWords(statements, family);
  const end = tproxy ? statements.findIndex(({ kind }) => kind === 'tproxy') : statements.length;
  for (const statement of statements.slice(0, end)) {
    const done = statementWords(statement, state);
    if (done === 'elsewhere') return done;
    if (done === undefined) return undefined;
    words.push(...done);
  }
  if (tproxy === 'elsewhere') return tproxy;
  if (tproxy) words.push(...tproxy);
  if (rule.comment !== undefined) words.push('-m', 'comment', '--comment', JSON.stringify(rule.comment));
  const counted = statements.find((statement) => statement.kind === 'counter');
  try {
    return {
      ...parseRule(ordered(words).join(' '), { family, table, chains }),
      ...(counted?.kind === 'counter' ? { counters: { packets: counted.packets, bytes: counted.bytes } } : {}),
    };
  } catch {
    // Words that iptables would not take.
    return undefined;
  }
}

/** What it does comes last: a comment stands behind it in nft. */
function ordered(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => word === '-j' || word === '-g');
  const comment = words.indexOf('comment') - 1;
  if (at < 0 || comment < at) return words;
  return [...words.slice(0, at), ...words.slice(comment), ...words.slice(at, comment)];
}

interface State {
  readonly family: Family;
  /** The protocol that is asked for already. */
  protocol: string | undefined;
  readonly words: readonly string[];
}

type Words = readonly string[] | 'elsewhere' | undefined;

function statementWords(statement: NftStatement, state: State): Words {
  switch (statement.kind) {
    case 'match':
      return matchWords(statement, state);
    case 'counter':
      return [];
    case 'accept':
    case 'drop':
    case 'return':
      return ['-j', statement.kind.toUpperCase()];
    case 'jump':
    case 'goto':
      return [statement.kind === 'jump' ? '-j' : '-g', iptablesChain(statement.chain)];
    case 'redirect': {
      const port = statement.port && portWord(statement.port);
      if (statement.address || statement.flags.length > 0 || (statement.port && port === undefined)) return undefined;
      return ['-j', 'REDIRECT', ...(port === undefined ? [] : ['--to-ports', port.replace(':', '-')])];
    }
    case 'mangle':
      return mangleWords(statement);
    default:
      return undefined;
  }
}

type Match = Extract<NftStatement, { readonly kind: 'match' }>;

function matchWords({ operator, left, right }: Match, state: State): Words {
  const not = operator === '!=' ? ['!'] : operator === '==' || operator === 'in' ? [] : undefined;
  if (!not) return undefined;
  switch (left.kind) {
    case 'payload':
      return payloadWords(left, right, not, state);
    case 'meta':
      return metaWords(left.key, right, not, state);
    case 'ct': {
      if (left.key === 'state') {
        const names = right.kind === 'list' ? right.items.map(word) : [word(right)];
        return names.includes(undefined)
          ? undefined
          : ['-m', 'conntrack', ...not, '--ctstate', names.join(',').toUpperCase()];
      }
      const mark = left.key === 'mark' ? number(right) : undefined;
      return mark === undefined ? undefined : ['-m', 'connmark', ...not, '--mark', mark];
    }
    case 'fib': {
      const type = left.result === 'type' && left.flags.join() === 'daddr' ? word(right) : undefined;
      return type === undefined ? undefined : ['-m', 'addrtype', ...not, '--dst-type', type.toUpperCase()];
    }
    case 'binary': {
      const of = left.left;
      const [mask, value] = [number(left.right), number(right)];
      const name =
        of.kind === 'meta' && of.key === 'mark' ? 'mark' : of.kind === 'ct' && of.key === 'mark' && 'connmark';
      return name && left.operator === '&' && mask && value
        ? ['-m', name, ...not, '--mark', `${value}/${mask}`]
        : undefined;
    }
    default:
      return undefined;
  }
}

type Payload = Extract<NftExpression, { readonly kind: 'payload' }>;

function payloadWords({ protocol, field }: Payload, right: NftExpression, not: readonly string[], state: State): Words {
  if (protocol === 'ip' || protocol === 'ip6') {
    if ((protocol === 'ip') !== (state.family === 'ipv4')) return 'elsewhere';
    const flag = field === 'saddr' ? '-s' : field === 'daddr' ? '-d' : undefined;
    const address = addressWord(right, state.family);
    return flag && address ? [...not, flag, address] : undefined;
  }
  if ((protocol !== 'tcp' && protocol !== 'udp') || (field !== 'dport' && field !== 'sport')) return undefined;
  const asked = askProtocol(protocol, state);
  if (!asked) return undefined;
  if (right.kind === 'set') {
    const ports = right.elements.map(({ key }) => portWord(key));
    if (ports.includes(undefined)) return undefined;
    return [...asked, '-m', 'multiport', ...not, `--${field}s`, ports.join(',')];
  }
  const port = portWord(right);
  return port === undefined ? undefined : [...asked, '-m', protocol, ...not, `--${field}`, port];
}

/** `-p` once; two protocols in one rule are none of Istio's. */
function askProtocol(protocol: string, state: State): readonly string[] | undefined {
  if (state.protocol !== undefined && state.protocol !== protocol) return undefined;
  const asked = state.protocol === undefined ? ['-p', protocol] : [];
  state.protocol = protocol;
  return asked;
}

function metaWords(key: string, right: NftExpression, not: readonly string[], state: State): Words {
  switch (key) {
    case 'iifname':
    case 'oifname': {
      const name = word(right);
      if (name === undefined || /[\\\s"]/.test(name)) return undefined;
      return [...not, key === 'iifname' ? '-i' : '-o', name.replace(/\*$/, '+')];
    }
    case 'l4proto': {
      const protocol = word(right);
      return protocol === undefined || not.length > 0 ? undefined : askProtocol(protocol, state);
    }
    case 'nfproto': {
      const mine = word(right) === state.family;
      return mine === (not.length === 0) ? [] : 'elsewhere';
    }
    case 'skuid':
    case 'skgid': {
      const ids = right.kind === 'range' ? [word(right.low), word(right.high)] : [word(right)];
      return ids.includes(undefined)
        ? undefined
        : ['-m', 'owner', ...not, key === 'skuid' ? '--uid-owner' : '--gid-owner', ids.join('-')];
    }
    case 'mark': {
      const mark = number(right);
      return mark === undefined ? undefined : ['-m', 'mark', ...not, '--mark', mark];
    }
    default:
      return undefined;
  }
}

type Mangle = Extract<NftStatement, { readonly kind: 'mangle' }>;

function mangleWords({ key, value }: Mangle): Words {
  const of = key.kind === 'meta' || key.kind === 'ct' ? `${key.kind} ${key.key}` : '';
  const from = value.kind === 'meta' || value.kind === 'ct' ? `${value.kind} ${value.key}` : number(value);
  if (from === undefined) return undefined;
  if (of === 'meta mark' && from === 'ct mark') return ['-j', 'CONNMARK', '--restore-mark'];
  if (of === 'ct mark' && from === 'meta mark') return ['-j', 'CONNMARK', '--save-mark'];
  if (/ /.test(from)) return undefined;
  if (of === 'meta mark') return ['-j', 'MARK', '--set-xmark', `${from}/0xffffffff`];
  return of === 'ct zone' && key.kind === 'ct' && key.direction === undefined
    ? ['-j', 'CT', '--zone', from]
    : undefined;
}

/** `tproxy … meta mark set … accept` is one target of iptables. */
function tproxyWords(statements: readonly NftStatement[], family: Family): Words {
  const at = statements.findIndex(({ kind }) => kind === 'tproxy');
  const tproxy = statements[at];
  if (tproxy?.kind !== 'tproxy') return undefined;
  if (tproxy.family && (tproxy.family === 'ip') !== (family === 'ipv4')) return 'elsewhere';
  const port = tproxy.port && portWord(tproxy.port);
  const rest = statements.slice(at + 1).filter(({ kind }) => kind !== 'counter');
  const [mangle, verdict] = rest;
  const mark = mangle?.kind === 'mangle' ? mangleWords(mangle) : undefined;
  if (tproxy.address || !port || rest.length !== 2 || verdict?.kind !== 'accept' || !mark || mark[1] !== 'MARK')
    return undefined;
  return ['-j', 'TPROXY', '--on-port', port, '--tproxy-mark', String(mark[3])];
}

/** A plain value as a word. */
const word = (of: NftExpression): string | undefined =>
  of.kind === 'value' && typeof of.value !== 'boolean' ? String(of.value) : undefined;

const number = (of: NftExpression): string | undefined => {
  const text = word(of);
  return text !== undefined && /^(\d+|0x[0-9a-f]+)$/i.test(text) ? String(Number(text)) : undefined;
};

function portWord(of: NftExpression): string | undefined {
  if (of.kind !== 'range') return number(of);
  const [low, high] = [number(of.low), number(of.high)];
  return low === undefined || high === undefined ? undefined : `${low}:${high}`;
}

function addressWord(of: NftExpression, family: Family): string | undefined {
  const plain = of.kind === 'prefix' ? word(of.address) : word(of);
  const address = plain === undefined ? undefined : parseAddress(plain);
  if (address?.family !== family) return undefined;
  return `${formatAddress(family, address.value)}${of.kind === 'prefix' ? `/${of.length}` : ''}`;
}

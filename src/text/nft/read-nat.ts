import type { NftAddressFamily, NftExpression, NftNat, NftStatement } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { readSource } from './read-expression.ts';
import { expect, goTo, isNext, peek, type Scanner, take, takeIf, unexpected } from './tokens.ts';
import { constant } from './value.ts';

const FLAGS: readonly string[] = ['random', 'fully-random', 'persistent'];
const TYPE_FLAGS: readonly string[] = ['prefix', 'interval'];

/** What stands behind `dnat` and its like: `ip prefix to ADDRESS:PORT random,persistent`. */
export function readNat(scanner: Scanner, kind: NftNat['kind']): NftNat {
  const family = readFamily(scanner);
  const typeFlags: string[] = [];
  while (isNext(scanner, ...TYPE_FLAGS)) typeFlags.push(take(scanner).text);
  // `addr . port` says that the map's values are both.
  if (takeIf(scanner, 'addr')) {
    expect(scanner, '.');
    expect(scanner, 'port');
  }
  const destination = takeIf(scanner, 'to') ? readDestination(scanner) : {};
  const flags: string[] = [];
  while (isNext(scanner, ...FLAGS)) {
    flags.push(take(scanner).text);
    if (!takeIf(scanner, ',')) break;
    if (!isNext(scanner, ...FLAGS)) throw unexpected(scanner, `one of ${FLAGS.join(', ')}`);
  }
  return { kind, ...given('family', family), ...destination, flags, typeFlags };
}

/** What stands behind `tproxy`. */
export function readTproxy(scanner: Scanner): NftStatement {
  const family = readFamily(scanner);
  expect(scanner, 'to');
  return { kind: 'tproxy', ...given('family', family), ...readDestination(scanner) };
}

function readFamily(scanner: Scanner): NftAddressFamily | undefined {
  if (takeIf(scanner, 'ip')) return 'ip';
  return takeIf(scanner, 'ip6') ? 'ip6' : undefined;
}

interface Destination {
  readonly address?: NftExpression;
  readonly port?: NftExpression;
}

/** `10.0.0.1`, `10.0.0.1-10.0.0.9:80-90`, `[::1]:80`, `:80`, `tcp dport map { … }`, `:tcp dport map { … }`. */
function readDestination(scanner: Scanner): Destination {
  const { kind, text, at } = peek(scanner);
  if (kind === 'word' && text.startsWith(':') && !text.startsWith('::')) return readPort(scanner, {});
  const bracketed = /^\[([0-9a-f:.]+)\](?:-\[([0-9a-f:.]+)\])?(?=:|$)/i.exec(text);
  const plain = bracketed ?? /^(\d+(?:\.\d+){3})(?:-(\d+(?:\.\d+){3}))?(?=:)/.exec(text);
  if (kind !== 'word' || !plain) return readPort(scanner, { address: readSource(scanner, [undefined]) });
  const [all, low = '', high] = plain;
  const address = constant(high === undefined ? low : `${low}-${high}`, bracketed ? 'ipv6_addr' : 'ipv4_addr');
  if (!address) throw unexpected(scanner, 'an address');
  goTo(scanner, at + all.length);
  return readPort(scanner, { address });
}

/** A port behind a colon that follows at once, if there is one. */
function readPort(scanner: Scanner, destination: Destination): Destination {
  const { kind, text, at } = peek(scanner);
  if (kind !== 'word' || !text.startsWith(':') || text === '::') return destination;
  goTo(scanner, at + 1);
  return { ...destination, port: readSource(scanner, ['inet_service']) };
}

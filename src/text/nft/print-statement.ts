import type { NftComparison, NftExpression, NftSet, NftStatement } from '../../netfilter/index.ts';
import { isBits } from './datatype.ts';
import { isVerdict, type NftPrintOptions, printExpression, printVerdict } from './print-expression.ts';
import { printNat, printTproxy } from './print-nat.ts';
import { printStateful } from './print-stateful.ts';
import { printedTypes, printName, quote } from './print-value.ts';
import { defaultReject } from './read-reject.ts';
import { printTimeSpan } from './value.ts';

/** What a statement's words depend on beside itself. */
export interface PrintContext {
  /** The table's family. */
  readonly family: string;
  readonly options: NftPrintOptions;
  /** A set of the table by its name. */
  setOf(name: string): NftSet | undefined;
  /** The rules of a chain that has no name, between braces. */
  blockOf(name: string): string | undefined;
}

/** A statement in nft's words. */
export function printStatement(statement: NftStatement, context: PrintContext): string {
  const { options } = context;
  if (isVerdict(statement)) {
    const block = 'chain' in statement ? context.blockOf(statement.chain) : undefined;
    return block === undefined ? printVerdict(statement) : `${statement.kind} ${block}`;
  }
  switch (statement.kind) {
    case 'match':
      return printMatch(statement, options);
    case 'vmap':
      return `${printExpression(statement.key)} vmap ${printExpression(statement.data, printedTypes(statement.key), options)}`;
    case 'mangle':
      return `${printExpression(statement.key)} set ${printExpression(statement.value, printedTypes(statement.key), options)}`;
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
      return `${statement.kind} set ${printExpression(statement.name, ['string'], options)}`;
    case 'log':
      return printLog(statement);
    case 'reject':
      return printReject(statement, context.family);
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return printNat(statement, options);
    case 'tproxy':
      return printTproxy(statement, options);
    case 'set':
      return printSetStatement(statement, context);
    case 'meter': {
      const size = statement.size === undefined ? '' : ` size ${statement.size}`;
      const key = `${printExpression(statement.key)}${timeoutOf(statement.timeout)}`;
      return `meter ${printName(statement.name)}${size} { ${key} ${printStateful(statement.statement, {})} }`;
    }
    case 'queue': {
      const flags = statement.flags.length > 0 ? ` flags ${statement.flags.join(',')}` : '';
      return `queue${flags}${statement.number ? ` to ${printExpression(statement.number, ['integer'], options)}` : ''}`;
    }
    case 'dup':
      return `dup${to(statement.address, options)}${device(statement.device, options)}`;
    case 'fwd':
      return statement.family === undefined
        ? `fwd to ${printExpression(statement.device, ['ifname'], options)}`
        : `fwd ${statement.family}${to(statement.address, options)}${device(statement.device, options)}`;
    case 'flow':
      return `flow add @${statement.flowtable}`;
    case 'synproxy':
      return printSynproxy(statement, options);
    case 'reset':
      return `reset ${printExpression(statement.option)}`;
    case 'xt':
      return `xt ${statement.type} ${printName(statement.name)}`;
    default:
      return printStateful(statement, options);
  }
}

const to = (address: NftExpression | undefined, options: NftPrintOptions): string =>
  address ? ` to ${printExpression(address, [], options)}` : '';
const device = (name: NftExpression | undefined, options: NftPrintOptions): string =>
  name ? ` device ${printExpression(name, ['ifname'], options)}` : '';
const timeoutOf = (timeout: number | undefined): string =>
  timeout === undefined ? '' : ` timeout ${printTimeSpan(timeout)}`;

type Match = Extract<NftStatement, { kind: 'match' }>;

function printMatch(match: Match, options: NftPrintOptions): string {
  const { operator, left, right } = match;
  const types = printedTypes(left);
  const value = printExpression(right, types, options);
  if (left.kind === 'binary' && isMasked(match)) {
    const mask = printExpression(left.right, types, options);
    return `${printExpression(left.left)} ${operator === '!=' ? '!= ' : ''}${value} / ${mask}`;
  }
  return `${printExpression(left)} ${comparison(operator, left, right)}${value}`;
}

/** Whether nft writes it as `tcp flags syn / syn,ack`: bits of a mask, and what they have to be. */
function isMasked({ operator, left, right }: Match): boolean {
  if (left.kind !== 'binary' || left.operator !== '&' || !isBits(printedTypes(left)[0])) return false;
  if ((operator !== '==' && operator !== '!=') || !isBitsValue(left.right) || !isBitsValue(right)) return false;
  return left.right.kind === 'list' || !isSame(left.right, right);
}

const isSame = (one: NftExpression, other: NftExpression): boolean =>
  one.kind === 'value' && other.kind === 'value' && one.value === other.value;

const isBitsValue = ({ kind }: NftExpression): boolean => kind === 'value' || kind === 'list';

/** The operator and a blank; nothing where nft takes it for granted. */
function comparison(operator: NftComparison, left: NftExpression, right: NftExpression): string {
  if (operator === 'in') return '';
  if (operator !== '==') return `${operator} `;
  const isSet = right.kind === 'set' || right.kind === 'set-reference';
  if (left.kind === 'binary') return right.kind === 'range' ? '' : '== ';
  return !isSet && isBits(printedTypes(left)[0]) ? '== ' : '';
}

type Log = Extract<NftStatement, { kind: 'log' }>;

function printLog({ prefix, level, group, snaplen, queueThreshold, flags }: Log): string {
  let text = 'log';
  if (prefix !== undefined) text += ` prefix ${quote(prefix)}`;
  if (group !== undefined) text += ` group ${group}`;
  if (snaplen !== undefined) text += ` snaplen ${snaplen}`;
  if (queueThreshold !== undefined) text += ` queue-threshold ${queueThreshold}`;
  if (level !== undefined) text += ` level ${printName(level)}`;
  const tcp = flags.filter((flag) => flag.startsWith('tcp ')).map((flag) => flag.slice(4));
  if (tcp.length > 0) text += ` flags tcp ${tcp.join(',')}`;
  for (const flag of flags) if (!flag.startsWith('tcp ')) text += ` flags ${flag}`;
  return text;
}

type Reject = Extract<NftStatement, { kind: 'reject' }>;

function printReject({ type, code }: Reject, family: string): string {
  if (type === undefined) return 'reject';
  if (type === 'tcp reset') return 'reject with tcp reset';
  const answer = code ? printExpression(code, ['icmp_code']) : 'port-unreachable';
  return type === defaultReject(family) && answer === 'port-unreachable' ? 'reject' : `reject with ${type} ${answer}`;
}

type SetStatement = Extract<NftStatement, { kind: 'set' }>;

function printSetStatement(statement: SetStatement, { options, setOf }: PrintContext): string {
  const { operation, set, key, data, timeout, statements } = statement;
  const inside = [`${printExpression(key)}${timeoutOf(timeout)}`, ...statements.map((one) => printStateful(one, {}))];
  const value = data ? ` : ${printExpression(data, setOf(set)?.data?.names ?? [], options)}` : '';
  return `${operation} @${set} { ${inside.join(' ')}${value} }`;
}

type Synproxy = Extract<NftStatement, { kind: 'synproxy' }>;

function printSynproxy({ name, mss, wscale, flags }: Synproxy, options: NftPrintOptions): string {
  if (name) return `synproxy name ${printExpression(name, ['string'], options)}`;
  const words = ['synproxy'];
  if (mss !== undefined) words.push(`mss ${mss}`);
  if (wscale !== undefined) words.push(`wscale ${wscale}`);
  return [...words, ...flags].join(' ');
}

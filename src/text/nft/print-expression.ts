import type { NftElement, NftExpression, NftOperator, NftVerdict } from '../../netfilter/index.ts';
import { isBareMeta, isBits } from './datatype.ts';
import { printStateful } from './print-stateful.ts';
import { printedTypes, printName, printValue, quote } from './print-value.ts';
import { printTimeSpan } from './value.ts';

type Types = readonly (string | undefined)[];

/** How a rule set is printed. */
export interface NftPrintOptions {
  /** What was counted, what is left of timeouts: as `nft list` shows it without `-s`. */
  readonly state?: boolean;
  /** As `nft -a` shows it. */
  readonly handles?: boolean;
}

/** An expression in nft's words. `types` are those of the values in it, `data` those of what its map leads to. */
export function printExpression(
  expression: NftExpression,
  types: Types = [],
  options: NftPrintOptions = {},
  data: Types = [],
): string {
  switch (expression.kind) {
    case 'value':
      return printValue(expression, types[0]);
    case 'any':
      return '*';
    case 'list':
      return expression.items.map((item) => printExpression(item, types)).join(',');
    case 'concat':
      return expression.items.map((item, index) => printExpression(item, [types[index]])).join(' . ');
    case 'set':
      return expression.elements.length === 0
        ? '{ }'
        : `{ ${expression.elements.map((element) => printElement(element, types, data, options)).join(', ')} }`;
    case 'set-reference':
      return `@${expression.name}`;
    case 'map':
      return printMap(expression, types, options);
    case 'prefix':
      return `${printExpression(expression.address, types)}/${expression.length}`;
    case 'range':
      return `${printEnd(expression.low, types)}-${printEnd(expression.high, types)}`;
    case 'binary':
      return printBinary(expression, types);
    default:
      return printField(expression);
  }
}

function printMap(
  { key, data }: { readonly key: NftExpression; readonly data: NftExpression },
  types: Types,
  options: NftPrintOptions,
): string {
  return `${printExpression(key)} map ${printExpression(data, printedTypes(key), options, types)}`;
}

/** One end of a range: numbers, where a value alone has a name. Spans of time are in seconds. */
const printEnd = (expression: NftExpression, types: Types): string =>
  types[0] === 'time_span' && expression.kind === 'value' ? `${expression.value}s` : printExpression(expression, types);

const RANK: Readonly<Record<NftOperator, number>> = { '|': 1, '^': 2, '&': 3, '<<': 4, '>>': 4 };

function printBinary({ operator, left, right }: Extract<NftExpression, { kind: 'binary' }>, types: Types): string {
  const own = printedTypes(left);
  const inside = own[0] === undefined ? types : own;
  const rank = RANK[operator];
  const first =
    left.kind === 'binary' && RANK[left.operator] < rank ? bracketed(left, inside) : printExpression(left, inside);
  return `${first} ${operator} ${printMask(right, rank, rank === 4 ? ['integer'] : inside)}`;
}

const bracketed = (expression: NftExpression, types: Types): string => `(${printExpression(expression, types)})`;

function printMask(mask: NftExpression, rank: number, types: Types): string {
  if (mask.kind === 'list' && isBits(types[0])) {
    const bits = mask.items.map((item) => printExpression(item, types)).join(' | ');
    return mask.items.length > 1 ? `(${bits})` : bits;
  }
  return mask.kind === 'binary' && RANK[mask.operator] <= rank ? bracketed(mask, types) : printExpression(mask, types);
}

/** An element of a set, with what belongs to it. */
export function printElement(
  { key, data, timeout, expires, comment, statements = [] }: NftElement,
  types: Types,
  dataTypes: Types,
  options: NftPrintOptions,
): string {
  let text = printExpression(key, types, options);
  for (const statement of statements) text += ` ${printStateful(statement, options)}`;
  if (timeout !== undefined) text += ` timeout ${printTimeSpan(timeout)}`;
  if (expires !== undefined && options.state) text += ` expires ${printTimeSpan(expires)}`;
  if (comment !== undefined) text += ` comment ${quote(comment)}`;
  return data ? `${text} : ${printData(data, dataTypes)}` : text;
}

const printData = (data: NftExpression | NftVerdict, types: Types): string =>
  isVerdict(data) ? printVerdict(data) : printExpression(data, types);

const VERDICTS: ReadonlySet<string> = new Set(['accept', 'drop', 'continue', 'return', 'jump', 'goto']);

export const isVerdict = (data: { readonly kind: string }): data is NftVerdict => VERDICTS.has(data.kind);

export const printVerdict = (verdict: NftVerdict): string =>
  verdict.kind === 'jump' || verdict.kind === 'goto' ? `${verdict.kind} ${printName(verdict.chain)}` : verdict.kind;

type Field = Exclude<
  NftExpression,
  { kind: 'value' | 'any' | 'list' | 'concat' | 'set' | 'set-reference' | 'map' | 'prefix' | 'range' | 'binary' }
>;

/** What is read from a packet, or from what the kernel knows of it. */
function printField(field: Field): string {
  switch (field.kind) {
    case 'payload':
      return `${field.protocol} ${field.field}`;
    case 'raw':
      return `@${field.base},${field.offset},${field.length}`;
    case 'exthdr':
      return field.field === undefined ? `exthdr ${field.name}` : `${field.name} ${field.field}`;
    case 'tcp option':
    case 'ip option':
    case 'sctp chunk':
      return `${field.kind} ${field.name}${spaced(field.field)}`;
    case 'raw tcp option':
      return field.offset === 0 && field.length === 8
        ? `tcp option ${field.option}`
        : `tcp option @${field.option},${field.offset},${field.length}`;
    case 'dccp option':
      return `dccp option ${field.option}`;
    case 'meta':
      return isBareMeta(field.key) ? field.key : `meta ${field.key}`;
    case 'rt':
      return `rt${spaced(field.family)} ${field.key}`;
    case 'ct':
      return `ct${spaced(field.direction)}${spaced(field.family)} ${field.key}`;
    case 'numgen':
      return `numgen ${field.mode} mod ${field.modulus}${offset(field.offset)}`;
    case 'symhash':
      return `symhash mod ${field.modulus}${offset(field.offset)}`;
    case 'jhash': {
      const seed = field.seed === undefined ? '' : ` seed 0x${field.seed.toString(16)}`;
      return `jhash ${printExpression(field.expression)} mod ${field.modulus}${seed}${offset(field.offset)}`;
    }
    case 'fib':
      return `fib ${field.flags.join(' . ')} ${field.result}`;
    case 'socket':
      return `socket ${field.key}${field.level === undefined ? '' : ` level ${field.level}`}`;
    case 'osf':
      return `osf${field.ttl === undefined ? '' : ` ttl ${field.ttl}`} ${field.key}`;
    case 'ipsec': {
      const number = field.number === 0 ? '' : ` spnum ${field.number}`;
      return `ipsec ${field.direction}${number}${spaced(field.family)} ${field.key}`;
    }
    case 'opaque':
      return field.words;
  }
}

const spaced = (word: string | undefined): string => (word === undefined ? '' : ` ${word}`);
const offset = (value: number): string => (value === 0 ? '' : ` offset ${value}`);

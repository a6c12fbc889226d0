import { formatAddress, parseAddress } from '../address/index.ts';

/** Records' types. Source: RFC 1035, section 3.2.2; RFC 3596. */
const A = 1;
const AAAA = 28;
const HEADER = 12;
const POINTER = 0xc0;

/** What is asked for: a name as it is written with dots, in lower case, and a type of record. */
export interface Question {
  readonly name: string;
  readonly type: number;
  /** Where the question ends in the message. */
  readonly end: number;
}

/** The one question of a message; undefined where it has none, or cannot be read. Source: RFC 1035, section 4. */
export function questionOf(message: Uint8Array): Question | undefined {
  const view = viewOf(message);
  if (message.length < HEADER || view.getUint16(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (let length = message[at]; length !== 0; length = message[at]) {
    if (length === undefined || length >= POINTER || at + 1 + length > message.length) return undefined;
    labels.push(spelled(message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  if (at + 5 > message.length) return undefined;
  return { name: labels.join('.').toLowerCase(), type: view.getUint16(at + 1), end: at + 5 };
}

/** The addresses in an answer, whatever names lead to them; as many as could be read. */
export function addressesIn(message: Uint8Array): readonly string[] {
  const question = questionOf(message);
  if (!question) return [];
  const view = viewOf(message);
  const addresses: string[] = [];
  let at: number | undefined = question.end;
  for (let left = view.getUint16(6); left > 0; left -= 1) {
    at = afterName(message, at);
    if (at === undefined || at + 10 > message.length) break;
    const [type, length]: [number, number] = [view.getUint16(at), view.getUint16(at + 8)];
    const start: number = at + 10;
    at = start + length;
    if (at > message.length) break;
    if (type === A && length === 4) addresses.push(formatAddress('ipv4', view.getUint32(start)));
    if (type === AAAA && length === 16) {
      const value = (view.getBigUint64(start) << 64n) | view.getBigUint64(start + 8);
      addresses.push(formatAddress('ipv6', value));
    }
  }
  return addresses;
}

/** What an answer says of the question itself: 0 that all is well. */
export const codeOf = (message: Uint8Array): number => (message[3] ?? 0) & 0x0f;

/** An answer of our own: an IPv4 address for a name, and nothing for other types than that. */
export function answerTo(query: Uint8Array, { type, end }: Question, address: string): Buffer {
  const found = type === A;
  const value = parseAddress(address)?.value;
  const record = Buffer.alloc(found ? 16 : 0);
  if (found) {
    // The name is the question's; class IN; a minute.
    record.writeUInt16BE(0xc000 | HEADER, 0);
    record.writeUInt16BE(A, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(4, 10);
    record.writeUInt32BE(Number(value), 12);
  }
  return Buffer.concat([headerFor(query, 0, found ? 1 : 0), query.subarray(HEADER, end), record]);
}

/** An answer that says that none could be had (SERVFAIL). */
export const failureTo = (query: Uint8Array, { end }: Question): Buffer =>
  Buffer.concat([headerFor(query, 2, 0), query.subarray(HEADER, end)]);

function headerFor(query: Uint8Array, code: number, answers: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.set(query.subarray(0, 2));
  // A response, recursion as it was asked for, and available.
  header[2] = 0x80 | (query[2]! & 0x01);
  header[3] = 0x80 | code;
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers, 6);
  return header;
}

/** Where the name that begins at a place ends; a pointer ends it. */
function afterName(message: Uint8Array, start: number): number | undefined {
  for (let at = start; at < message.length; ) {
    const length = message[at]!;
    if (length === 0) return at + 1;
    if (length >= POINTER) return at + 2;
    at += 1 + length;
  }
  return undefined;
}

/** A label's bytes as text: what is no plain character is written as a master file has it. Source: RFC 1035, section 5.1. */
const spelled = (label: Uint8Array): string =>
  [...label]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[\w-]/.test(char)) return char;
      return `\\${String(byte).padStart(3, '0')}`;
    })
    .join('');

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

import { type AddressValue, parseAddress } from '../address/index.ts';
import { CTSTATE, clockAt, ICMP, makePacket } from '../netfilter/index.ts';
import { PORT_UNREACHABLE } from './icmp-error.ts';
import { findOption, type Options } from './options.ts';
import type { Question } from './result.ts';
import { endOf, named, refuse, said, type Word, wordsOf } from './words.ts';

/** `in icmp error … about PACKET`, as far as it says. */
export interface ErrorExpression {
  readonly way: 'in' | 'out';
  readonly options: Options;
  /** Who complains; absent: whoever has the packet. */
  readonly source?: AddressValue;
  /** The packet that it is about, standing where it stands in the whole expression. */
  readonly about: string;
}

const EXPECTED = 'Expected type, from or on, then about and a packet: in icmp error about out udp > 10.0.0.9:53';
const OPTIONS = ['type', 'on'];

/** Reads an expression about an ICMP error; undefined: it is about something else. Throws QuestionRefused. */
export function readErrorExpression(text: string): ErrorExpression | undefined {
  const words = [...wordsOf(text)];
  const [first, second, third] = words;
  if (third?.text.toLowerCase() !== 'error' || !first || !second) return undefined;
  const way = named(text, first, 'direction of an ICMP error', { in: 'in', out: 'out' } as const);
  named(text, second, 'protocol that has errors', { icmp: true, icmpv6: true });
  const rest = words.slice(3);
  let options: Options = {};
  let source: AddressValue | undefined;
  for (let word = rest.shift(); ; word = rest.shift()) {
    if (!word) return refuse(text, endOf(text), 'about which packet?', EXPECTED);
    const name = word.text.toLowerCase();
    if (name === 'about')
      return { way, options, ...(source === undefined ? {} : { source }), about: after(text, word) };
    const value = rest.shift() ?? endOf(text);
    if (name === 'from') source = readSource(text, value);
    else options = { ...options, ...readOption(text, word, value) };
  }
}

function readOption(text: string, word: Word, value: Word): Options {
  const option = OPTIONS.includes(word.text.toLowerCase()) ? findOption(word) : undefined;
  if (!option || 'alone' in option) return refuse(text, word, `${said(word)} is not understood`, EXPECTED);
  if (value.text === '') return refuse(text, value, `${option.name} what?`, 'Its value is missing.');
  return option.read(text, value);
}

const readSource = (text: string, word: Word): AddressValue =>
  parseAddress(word.text)?.value ??
  refuse(text, word, `${said(word)} is no address`, 'Who sends the error? from 10.1.0.1');

/** What stands after a word, at the same place. */
function after(text: string, word: Word): string {
  const start = word.position - 1 + word.length;
  if (text.slice(start).trim() === '') return refuse(text, endOf(text), 'about which packet?', EXPECTED);
  return ' '.repeat(start) + text.slice(start);
}

/** The question that an error's expression asks. */
export function errorQuestion(
  { way, options, source, about }: ErrorExpression,
  read: (about: string) => Question,
): Question {
  const inside = read(about);
  const { family, destination } = inside.packet;
  const usual = PORT_UNREACHABLE[family];
  const packet = makePacket({
    family,
    protocol: ICMP,
    source,
    destination,
    in: options.on ?? '',
    icmpType: options.icmp?.[family].type ?? usual.icmpType,
    icmpCode: options.icmp?.[family].code ?? usual.icmpCode,
    ctstate: CTSTATE.RELATED,
    ...clockAt(inside.packet.time),
    kernelZone: inside.packet.kernelZone,
  });
  const assumptions = options.icmp ? [] : ['an error of type port unreachable assumed'];
  return { direction: way, packet, about: inside, assumptions: [...inside.assumptions, ...assumptions] };
}

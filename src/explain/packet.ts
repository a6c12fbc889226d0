import { type Family, formatAddress } from '../address/index.ts';
import { ICMP, ICMPV6, type Packet, protocolName } from '../netfilter/index.ts';
import { NOBODY, type Outcome, type Question, stateWords, unassumedOf } from '../trace/index.ts';
import { endpoint, purposeOf } from './words.ts';

/** A packet in the words it is asked for with: `tcp 10.0.0.9:40000 → 10.0.0.5:8888`. */
export function packetWords(packet: Packet): string {
  const protocol =
    packet.protocol === ICMP || packet.protocol === ICMPV6 ? icmpWords(packet) : protocolName(packet.protocol);
  return `${protocol} ${packetEnds(packet)}`;
}

/** Both ends of a packet: `10.0.0.9:40000 → 10.0.0.5:8888`. */
export function packetEnds({ family, source, sourcePort, destination, destinationPort }: Packet): string {
  const from = endpoint(family, source, sourcePort);
  return `${from === '' ? 'anywhere' : from} → ${endpoint(family, destination, destinationPort)}`;
}

const icmpWords = ({ protocol, icmpType, icmpCode }: Packet): string =>
  `${protocolName(protocol)}${icmpType === undefined ? '' : ` type ${icmpType}${icmpCode ? `/${icmpCode}` : ''}`}`;

/**
 * The question as one sentence: the packet, where it comes in, who sends it, what else it has that goes not without saying, and what
 * the kernel knows of its connection. `parseQuestion` reads it back.
 */
export function questionWords(question: Question): string {
  return sentenceOf(question, unassumedOf(question.packet, question.direction));
}

/** The same of a packet that has passed: of the many things that are known of it, those that people speak of. */
export const seenWords = (question: Question): string => sentenceOf(question, []);

function sentenceOf({ direction, packet, via, about }: Question, rest: readonly string[]): string {
  const parts = [
    `${direction} ${packetWords(packet)}`,
    ...(packet.in ? [`on ${packet.in}`] : []),
    ...wayWords(direction, packet.out, via),
    ...(direction === 'out' ? ownerWords(packet) : []),
    ...(packet.mark ? [`with mark 0x${packet.mark.toString(16)}`] : []),
    ...rest,
  ];
  if (about)
    return `${parts.join(' ')}, an error about ${about.reply ? 'the reply to ' : ''}${packetWords(about.packet)}`;
  return `${parts.join(' ')}, ${stateWords(packet)}`;
}

/** By which interface it goes on or leaves, where that was said: without the words it would be for this host, or go as routes say. */
function wayWords(
  direction: Question['direction'],
  out: string | undefined,
  via: string | undefined,
): readonly string[] {
  if (direction === 'in') return out ? [`via ${out}`] : [];
  return [...(out && out !== via ? [`by ${out}`] : []), ...(via === undefined ? [] : [`via ${via}`])];
}

function ownerWords({ owned, uid, gid }: Packet): readonly string[] {
  if (owned === 0) return ['from no program'];
  if (uid === NOBODY) return ['from the kernel itself'];
  return [...(uid === undefined ? [] : [`from uid ${uid}`]), ...(gid === undefined ? [] : [`gid ${gid}`])];
}

/** One word for where a packet ends, as the headline and a summary use it. */
export const OUTCOME_WORD: Readonly<Record<Outcome['kind'], string>> = {
  proxy: 'PROXY',
  app: 'APP',
  dropped: 'DROPPED',
  rejected: 'REJECTED',
  forwarded: 'FORWARDED',
  sent: 'SENT',
  delivered: 'DELIVERED',
  'nobody listens': 'NOBODY LISTENS',
  answered: 'ANSWERED',
  astray: 'ASTRAY',
  unknown: 'UNKNOWN',
};

/** Where a packet ends, as a clause: "the proxy on :15001", "the app on :8888". */
export function outcomePhrase(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'proxy':
      return `the proxy on :${outcome.port}`;
    case 'app':
      return `the app on ${named(outcome.port)}`;
    case 'dropped':
      return 'dropped';
    case 'rejected':
      return `rejected with ${outcome.with}`;
    case 'forwarded':
      return `forwarded${outcome.out && ` by ${outcome.out}`}`;
    case 'sent':
      return `sent${outcome.out && ` by ${outcome.out}`}, past the proxy`;
    case 'delivered':
      return 'delivered to the kernel itself';
    case 'nobody listens':
      return `nobody listens on ${named(outcome.port)}`;
    case 'answered':
      return outcome.out ? `back to the caller, by ${outcome.out}` : 'back to the caller';
    case 'astray':
      return 'to somebody who knows no such connection';
    case 'unknown':
      return 'unknown';
  }
}

/** `:8080 (http-alt)`. */
export function named(port: number): string {
  const purpose = purposeOf(port);
  return purpose ? `:${port} (${purpose})` : `:${port}`;
}

/** What a new connection's first packet would be answered with, for the sentence under the headline. */
export function outcomeSentence(outcome: Outcome, question: Question, ended: Packet = question.packet): string {
  const { packet } = question;
  if (question.about && outcome.kind !== 'unknown') return sentence(outcome.because);
  switch (outcome.kind) {
    case 'proxy': {
      const { original } = outcome;
      const seen = original
        ? ` and sees ${endpoint(packet.family, original.address, original.port)} as the original destination`
        : '';
      const port = packet.destinationPort;
      const unseen =
        question.direction === 'in' && port !== undefined && port !== outcome.port
          ? ` The app on :${port} does not see it.`
          : '';
      return `:${outcome.port} receives it${seen}.${unseen}`;
    }
    case 'app':
      return `${named(outcome.port)} receives it. The proxy does not see it.`;
    case 'dropped':
    case 'answered':
    case 'astray':
      return sentence(outcome.because);
    case 'rejected':
      return sentence(`with ${outcome.with}: ${outcome.because}`);
    case 'forwarded':
      return sentence(`${outcome.out ? `by ${outcome.out}` : 'to another host'}: ${outcome.because}`);
    case 'sent':
      return `It leaves${outcome.out && ` by ${outcome.out}`} ${rewrittenWords(question.packet, ended)}. The proxy does not see it.`;
    case 'delivered':
      return sentence(outcome.because);
    case 'nobody listens':
      return sentence(`on ${named(outcome.port)}: ${outcome.because}`);
    case 'unknown':
      return sentence(`because ${outcome.because}`);
  }
}

/** Whether nat has given a packet other ends, and which. */
function rewrittenWords(asked: Packet, ended: Packet): string {
  const ends = packetEnds(ended);
  return ends === packetEnds(asked) ? 'as it is' : `rewritten by nat: ${ends}`;
}

/** Begins nothing, ends with one full stop. */
const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** An address that stands alone, with its family's brackets only where a port follows. */
export const addressOf = (family: Family, value: number | bigint | undefined): string =>
  value === undefined ? 'not known' : formatAddress(family, value);

import { type AddressValue, type Family, parseAddress, parsePort } from '../address/index.ts';
import { CTSTATE, ICMP, ICMPV6, PORTED, protocolNumber, servicePort, TCP, UDP } from '../netfilter/index.ts';
import { findOption, icmpNamed, type Options, optionNames } from './options.ts';
import { stateAtEnd } from './state-words.ts';
import { endOf, isArrow, meant, named, refuse, said, type Word, wordsOf } from './words.ts';

/** One end of a connection, as far as the expression says. */
export interface End {
  readonly address?: AddressValue;
  readonly port?: number;
}

/** What an expression says; what it leaves out is absent. */
export interface Expression extends Options {
  readonly text: string;
  readonly way: 'in' | 'out' | 'self';
  readonly protocol: number;
  readonly family?: Family;
  readonly source: End;
  readonly destination: End;
  /** Where things were said: `protocol`, `source`, `destination`, and each option by its name. */
  readonly places: ReadonlyMap<string, Word>;
}

const WAYS = { in: 'in', out: 'out', self: 'self' } as const;
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6'];
const SPOKEN = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;
const ENDS = 'an address (10.0.0.5), with a port (10.0.0.5:80, [2001:db8::5]:80) or a port alone (:80)';

/**
 * Reads the words of an expression; the grammar stands in README.md. `partial`: it says what packets are meant, and may leave
 * out the protocol (then 0) and ports. Throws QuestionRefused.
 */
export function readExpression(text: string, { partial = false }: { readonly partial?: boolean } = {}): Expression {
  // As the sentence about a packet ends, so that what an answer says of it can be asked again.
  const ending = stateAtEnd(text);
  const [first, second, ...rest] = wordsOf(ending ? text.slice(0, ending.at) : text);
  const end = endOf(text);
  if (!first) refuse(text, end, 'there is no packet here', "A packet reads like 'in tcp/8888'.");
  const way = wayOf(text, first);
  const places = new Map([['protocol', second ?? end]]);
  const { protocol, port } = partial && !second ? ANY : readProtocol(text, second ?? end);
  const { source, destination, options } = readRest(text, rest, places, protocol === ICMP || protocol === ICMPV6);
  const expression: Expression = {
    text,
    way,
    protocol,
    source,
    destination: withPort(text, destination, port, places),
    ...familyOf(text, protocol, source, destination, places),
    ...(ending ? { state: ending.state } : {}),
    ...options,
    places,
  };
  check(expression, partial);
  return expression;
}

/** `in`. Without it, the packet is taken to be meant as one that comes in. */
function wayOf(text: string, word: Word): Expression['way'] {
  const [protocol = ''] = word.text.split('/');
  const port = parsePort(word.text) !== undefined;
  if (!port && protocolNumber(protocol) === undefined) return named(text, word, 'direction', WAYS);
  const meaning = `in ${port ? 'tcp/' : ''}${text.trim()}`;
  return refuse(text, word, `${said(word)} is no direction`, `Did you mean '${meaning}'? Expected in, out or self.`);
}

/** No protocol in particular. */
const ANY: ReturnType<typeof readProtocol> = { protocol: 0 };

/** Whether a packet that opens a connection has to say to which port: of other protocols with ports few rules ask for one. */
const needsPort = (protocol: number): boolean => protocol === TCP || protocol === UDP;

/** `tcp`, `tcp/8888`, `47`. */
function readProtocol(text: string, word: Word): { readonly protocol: number; readonly port?: number } {
  const [name = '', port] = word.text.split(/\/(.*)/s);
  const protocol = name === '' ? undefined : protocolNumber(name);
  if (protocol === undefined || protocol === 0) {
    const at = { ...word, text: name, length: Math.max(1, name.length) };
    const hint = `${meant(at, PROTOCOLS)}Expected tcp, udp, icmp, icmpv6, or a number up to 255.`;
    return refuse(text, at, name === '' ? 'a protocol is missing' : `${said(at)} is no protocol`, hint);
  }
  if (port === undefined) return { protocol };
  if (!PORTED.has(protocol)) refuse(text, word, `${name} has no ports`, `Leave "/${port}" out.`);
  const position = word.position + name.length + 1;
  return { protocol, port: readPort(text, { text: port, position, length: port.length }) };
}

function readPort(text: string, word: Word): number {
  const port = parsePort(word.text) ?? servicePort(word.text.toLowerCase());
  return (
    port ?? refuse(text, word, `${said(word)} is no port`, 'Expected a number from 0 to 65535, or a name like http.')
  );
}

interface Rest {
  readonly source: End;
  readonly destination: End;
  readonly options: Options;
}

/** `[SOURCE] [> DESTINATION] {OPTION VALUE}`; options may stand anywhere among them. */
function readRest(text: string, words: readonly Word[], places: Map<string, Word>, icmp: boolean): Rest {
  let rest: Rest = { source: {}, destination: {}, options: {} };
  let arrow: Word | undefined;
  const waiting = [...words];
  for (let word = waiting.shift(); word; word = waiting.shift()) {
    const option = findOption(word);
    if (isFiller(word, waiting[0])) continue;
    if (isArrow(word)) {
      if (arrow) refuse(text, word, 'a second arrow', 'A packet has one source and one destination.');
      arrow = word;
    } else if (option) {
      if (places.has(option.name)) refuse(text, word, `${option.name} is said twice`, 'Say it once.');
      const value =
        'alone' in option
          ? word
          : (waiting.shift() ?? refuse(text, word, `${option.name} what?`, 'Its value is missing.'));
      places.set(option.name, value);
      const read = 'alone' in option ? option.alone : option.read(text, value);
      rest = { ...rest, options: { ...rest.options, ...read } };
    } else if (icmp && !places.has('type') && icmpNamed(word)) {
      places.set('type', word);
      rest = { ...rest, options: { ...rest.options, icmp: icmpNamed(word)! } };
    } else {
      const which = arrow ? 'destination' : 'source';
      if (places.has(which)) refuse(text, word, `${said(word)} is one too many`, expectedHere(word));
      places.set(which, word);
      rest = { ...rest, [which]: readEnd(text, word) };
    }
  }
  const lonely = arrow ? undefined : places.get('source');
  if (lonely) {
    const hint = `Write '${lonely.text} > …' for the source, '> ${lonely.text}' for the destination.`;
    refuse(text, lonely, `does it come from ${lonely.text} or go there?`, hint);
  }
  if (arrow && !places.has('destination')) refuse(text, endOf(text), 'the destination is missing', `Expected ${ENDS}.`);
  return rest;
}

/** "with mark 0x1", "from uid 1000": such words lead an option, and say nothing. */
const isFiller = ({ text }: Word, next: Word | undefined): boolean =>
  /^(?:with|from|and)$/i.test(text) && next !== undefined && findOption(next) !== undefined;

const expectedHere = (word: Word): string => `${meant(word, optionNames)}Expected one of ${optionNames.join(', ')}.`;

/** `10.0.0.9:40000`, `10.0.0.9`, `[2001:db8::9]:40000`, `2001:db8::9`, `:8888`. */
function readEnd(text: string, word: Word): End {
  const whole = parseAddress(word.text);
  if (whole) return { address: whole.value };
  const [, host = '', port] = /^(.*?)(?::([^:\]]*))?$/s.exec(word.text) ?? [];
  const address = host === '' ? undefined : parseAddress(host.replace(/^\[(.*)\]$/s, '$1'));
  if (host !== '' && !address) {
    refuse(
      text,
      word,
      `${said(word)} is not understood`,
      `${meant(word, optionNames)}Expected ${ENDS}, or one of ${optionNames.join(', ')}.`,
    );
  }
  if (address?.family === 'ipv6' && port !== undefined && !host.startsWith('[')) {
    refuse(
      text,
      word,
      `${said(word)} is not an address`,
      `With a port, an IPv6 address stands in brackets: [${host}]:${port}`,
    );
  }
  const end: End = address ? { address: address.value } : {};
  if (port === undefined) return end;
  const position = word.position + word.length - port.length;
  return { ...end, port: readPort(text, { text: port, position, length: port.length }) };
}

/** The port may stand with the protocol or with the destination. */
function withPort(text: string, end: End, port: number | undefined, places: ReadonlyMap<string, Word>): End {
  if (port === undefined) return end;
  if (end.port === undefined || end.port === port) return { ...end, port };
  const word = places.get('destination') ?? endOf(text);
  return refuse(text, word, `port ${end.port} here, port ${port} before`, 'Say the destination port once.');
}

const familyIn = (address: AddressValue | undefined): Family | undefined =>
  address === undefined ? undefined : typeof address === 'bigint' ? 'ipv6' : 'ipv4';

function familyOf(
  text: string,
  protocol: number,
  source: End,
  destination: End,
  places: ReadonlyMap<string, Word>,
): { readonly family?: Family } {
  const ofProtocol = protocol === ICMPV6 ? 'ipv6' : undefined;
  let family: Family | undefined = ofProtocol;
  for (const [which, end] of Object.entries({ source, destination })) {
    const own = familyIn(end.address);
    if (!own) continue;
    const word = places.get(which) ?? endOf(text);
    if (family && family !== own) {
      refuse(
        text,
        word,
        `${said(word)} is ${SPOKEN[own]}, what stands before is ${SPOKEN[family]}`,
        'A packet is of one family.',
      );
    }
    if (own === 'ipv6' && protocol === ICMP)
      refuse(text, word, `${said(word)} is IPv6, whose ICMP is icmpv6`, 'Write icmpv6.');
    family = own;
  }
  return family ? { family } : {};
}

/** What cannot be said together. */
function check(
  { text, way, protocol, source, destination, on, reply, state, places }: Expression,
  partial: boolean,
): void {
  const never = (key: string, what: string, hint: string): void => {
    const word = places.get(key);
    if (word) refuse(text, word, what, hint);
  };
  const name = places.get('protocol')?.text ?? '';
  if (places.has('no') && (places.has('uid') || places.has('gid')))
    never('no', 'an owner is said, too', 'What no program sends has no uid and no gid.');
  if (!partial && needsPort(protocol) && destination.port === undefined) {
    const hint = `Write it after the protocol (${name}/8080) or after the address (> 10.0.0.5:8080).`;
    refuse(text, places.get('destination') ?? places.get('protocol') ?? endOf(text), 'to which port?', hint);
  }
  if (!PORTED.has(protocol)) {
    for (const [which, { port }] of Object.entries({ source, destination })) {
      if (port !== undefined) never(which, `${name} has no ports`, 'Leave the port out.');
    }
  }
  if (reply && state !== undefined && state !== CTSTATE.ESTABLISHED && state !== CTSTATE.NEW) {
    never('state', 'such a packet has no reply', 'Write reply alone, or state established reply.');
  }
  if (protocol !== TCP) never('flags', 'only tcp has flags', 'Leave the flags out.');
  if (protocol !== ICMP && protocol !== ICMPV6) never('type', 'only icmp has a type', 'Leave the type out.');
  if (way !== 'in') {
    never('fragment', 'rules see packets of this host whole: they are cut up later', 'Leave fragment out.');
    if (way === 'self') never('via', 'it does not leave this host', 'Leave via out.');
    return;
  }
  const hint = 'Leave it out, or ask about a packet of this host: out tcp > …';
  never('uid', 'a packet from another host has no owner here', hint);
  never('gid', 'a packet from another host has no owner here', hint);
  never('no', 'a packet from another host has no owner here', hint);
  if (on === 'lo') never('on', 'nothing comes in from outside on lo', 'Ask about its sender: self tcp/8080');
}

import type { Family, Range } from '../address/index.ts';
import { TCP } from '../netfilter/index.ts';
import { type Box, merged, narrowed } from './box.ts';
import { type Catch, describeBox } from './caught.ts';
import { portList, trafficOf } from './caught-words.ts';
import type { Caught } from './interception.ts';
import { baseOf } from './world.ts';

/** More pieces than this are not told one by one. */
const MOST_PIECES = 3;

/**
 * What passes the proxy by in a family of which something is caught, one clause each: "inbound tcp on all other ports",
 * "udp". Exceptions that the caught traffic's own line names are not repeated.
 */
export function directOf(found: Catch, family: Family, now: number | undefined): readonly string[] {
  return [...inbound(found, family, now), ...outbound(found), ...otherProtocols(found)];
}

const only = (number: number): readonly Range[] => [[number, number]];

/** Untouched packets of a protocol, in as few boxes as may be. */
function untouched({ fates }: Catch, protocol: number, family: Family): readonly Box[] {
  const passed = fates.inbound.filter(({ turned, verdict }) => !turned && verdict === 'arrives');
  return merged(
    passed.flatMap(({ sent }) => narrowed(sent, 'protocol', only(protocol), family) ?? []),
    family,
  );
}

function inbound(found: Catch, family: Family, now: number | undefined): readonly string[] {
  const caught = of(found, 'inbound', 'tcp');
  const direct = untouched(found, TCP, family);
  if (direct.length === 0) return [];
  if (caught.length === 0) return ['inbound tcp'];
  const pieces = direct.map((box) => describeBox(box, baseOf('inbound', family, now), 'inbound', family));
  if ([...caught, ...pieces].every(restrictsPortsOnly)) {
    if (caught.every(({ ports }) => ports !== '*')) return ['inbound tcp on all other ports'];
    const ports = pieces.flatMap((piece) => (piece.ports === '*' ? [] : piece.ports));
    if (ports.length > 0) return [`inbound tcp ${portList(ports)}`];
  }
  return pieces.length > MOST_PIECES
    ? ['the rest of inbound tcp: see the chains']
    : pieces.map((piece) => `inbound ${trafficOf(piece)}`);
}

const restrictsPortsOnly = (piece: Caught): boolean =>
  piece.sources === '*' &&
  piece.exceptSources.length === 0 &&
  piece.destinations === '*' &&
  piece.exceptDestinations.length === 0 &&
  piece.interfaces === '*' &&
  piece.exceptInterfaces.length === 0 &&
  piece.also.length === 0;

/** What is excepted on the way out stands in the line of what is caught; a list leaves the rest of the world. */
function outbound(found: Catch): readonly string[] {
  const caught = of(found, 'outbound', 'tcp');
  if (caught.length === 0) return ['outbound tcp'];
  if (caught.some(({ ports, destinations, owners }) => ports === '*' && destinations === '*' && owners === '*'))
    return [];
  return caught.some(({ destinations }) => destinations !== '*')
    ? ['outbound tcp to anywhere else']
    : ['the rest of outbound tcp'];
}

function otherProtocols(found: Catch): readonly string[] {
  const touched = (protocol: string): boolean =>
    found.caught.some((part) => part.direction !== 'self' && concerns(part, protocol));
  return [touched('udp') ? 'the rest of udp' : 'udp', ...(touched('icmp') ? [] : ['icmp'])];
}

const of = ({ caught }: Catch, direction: Caught['direction'], protocol: string): readonly Caught[] =>
  caught.filter((part) => part.direction === direction && concerns(part, protocol));

/** Several protocols stand as `tcp, udp`. */
const concerns = ({ protocol: told }: Caught, protocol: string): boolean =>
  told === 'any' || told.split(', ').includes(protocol);

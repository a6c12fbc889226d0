import type { AddressValue } from '../address/index.ts';
import { ADDRESS_TYPE } from '../netfilter/index.ts';
import { addressType, isLoopback, isMulticast, isOwn } from '../trace/parts.ts';
import { ALL, type Edge, NONE } from './diagram.ts';
import type { Space } from './space.ts';

/**
 * The packets that a program sends from one host to another, or to its own over loopback: no groups, no address that stands for
 * everybody or nobody, nothing from outside that claims to come from here, nothing that the kernel makes itself. People mean these when they say "all"; the kernel drops most others, whatever
 * the rules say.
 */
export const ordinaryPackets = (space: Space): Edge => betweenHosts(space, 1);

/** The same of what the kernel sends itself. Empty where nothing asks whether a packet has a socket: then none is told apart. */
export const unownedPackets = (space: Space): Edge =>
  space.domain.fields.has('owned') ? betweenHosts(space, 0) : NONE;

function betweenHosts(space: Space, owned: 0 | 1): Edge {
  const { diagram, ground } = space;
  const { host } = ground;
  const arrives = space.domain.direction === 'in';
  const of = (field: 'source' | 'destination', meets: (address: AddressValue) => boolean): Edge => {
    let set: Edge = NONE;
    for (const each of space.classes(field, 'kinds'))
      if (meets(each.ranges[0]![0])) set = diagram.or(set, space.classSet(each));
    return set;
  };
  const single = (address: AddressValue): boolean =>
    !isMulticast(host.family, address) && Number(address) !== 0 && !isEverybody(address);
  const isEverybody = (address: AddressValue): boolean =>
    address === 0xffff_ffff || (host.family === 'ipv4' && addressType(host, address) === ADDRESS_TYPE.BROADCAST);
  const loopback = (address: AddressValue): boolean => isLoopback(host.family, address);
  const [source, destination] = [of('source', single), of('destination', single)];
  const [fromLoopback, toLoopback] = [of('source', loopback), of('destination', loopback)];
  const both = diagram.and(source, destination);
  if (!arrives)
    return diagram.and(withSocket(space, owned), diagram.minus(both, diagram.xor(fromLoopback, toLoopback)));
  const here = host.known ? of('source', (address) => isOwn(host, address)) : NONE;
  return diagram.minus(both, diagram.or(here, diagram.or(fromLoopback, toLoopback)));
}

/** Where anything asks for it: what a program sends, through a socket, or what none does. */
const withSocket = (space: Space, owned: 0 | 1): Edge =>
  space.domain.fields.has('owned') ? space.original({ kind: 'in', field: 'owned', ranges: [[owned, owned]] }) : ALL;

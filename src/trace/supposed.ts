import type { Candidate } from './interfaces.ts';
import type { Routed } from './routes.ts';
import { changed, type Walk } from './state.ts';
import { spokenEnd } from './words.ts';

type ByDevice = Routed & { readonly kind: 'device' };

/** Whether no route that was read told the device: it is the default route of the machine that is taken for granted. */
export const isSupposed = ({ ground: { leaving } }: Walk, { route }: ByDevice): boolean =>
  leaving !== undefined && route?.length === 0;

/** The device by which the packet leaves, as far as it is known: '' where it is one of several. */
export const knownDevice = ({ supposed, device }: Walk): string => (supposed ? '' : device);

/**
 * Where no route was read, the packet leaves by any interface. Rules ask which: each that they name is gone by in a walk of
 * its own, and one for all the others.
 */
export function supposeDevice(walk: Walk, candidates: readonly Candidate[]): string {
  const { packet } = walk;
  const to = spokenEnd(packet.family, packet.destination, undefined);
  walk.supposed = true;
  changed(walk);
  for (const { name, pattern } of candidates) {
    if (pattern === undefined) return name;
    const taken = walk.decide(`by ${pattern} to ${to}${walk.marked ? ' marked' : ''}`, {
      where: 'routing',
      because: `by which interface it leaves for ${to} is not known, for no routes were read: add "via INTERFACE" to the packet, or follow it in a snapshot`,
      yes: `it leaves by ${pattern}`,
      no: `it does not leave by ${pattern}`,
    });
    if (taken) return name;
  }
  return walk.device;
}

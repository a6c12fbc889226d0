import type { FieldName, Packet, ValueField } from '../netfilter/index.ts';
import { addressType, addressTypeOn } from './address-type.ts';
import { isTaken, type Walk } from './state.ts';
import { fibDevice, wayBack } from './way-back.ts';

/** A field that is no part of the packet: routes and addresses of this host tell it. */
interface LookedUp {
  /** The fields of the packet that it hangs on, besides where the packet is. */
  readonly of: readonly FieldName[];
  find(walk: Walk): number | undefined;
}

const typeOf = (end: 'source' | 'destination'): LookedUp => ({
  of: [end],
  find(walk) {
    const address = walk.packet[end];
    return address === undefined ? undefined : addressType(walk.ground.host, address, isTaken(walk, address));
  },
});

const typeOn = (end: 'source' | 'destination', by: 'in' | 'out'): LookedUp => ({
  of: [end, by],
  find({ packet, ground, supposed }) {
    const address = packet[end];
    return address === undefined || (by === 'out' && supposed)
      ? undefined
      : addressTypeOn(ground.host, address, packet[by]);
  },
});

const backFor = (by: 'rpfilter' | 'fib', marked: boolean): LookedUp => ({
  of: ['source', 'destination', 'in', 'out', 'protocol', ...(marked ? (['mark'] as const) : [])],
  find: (walk) => wayBack(walk, { by, marked }),
});

const leading = (end: 'source' | 'destination', marked: boolean): LookedUp => ({
  of: ['source', 'destination', 'in', 'out', 'protocol', ...(marked ? (['mark'] as const) : [])],
  find: (walk) => fibDevice(walk, end, marked),
});

/** What is looked up for a packet, field by field. What `-m socket` finds is looked up elsewhere. */
export const LOOKED_UP = {
  sourceType: typeOf('source'),
  destinationType: typeOf('destination'),
  sourceTypeIn: typeOn('source', 'in'),
  destinationTypeIn: typeOn('destination', 'in'),
  sourceTypeOut: typeOn('source', 'out'),
  destinationTypeOut: typeOn('destination', 'out'),
  reversePath: backFor('rpfilter', false),
  markedReversePath: backFor('rpfilter', true),
  fibWayBack: backFor('fib', false),
  markedFibWayBack: backFor('fib', true),
  fibSource: leading('source', false),
  markedFibSource: leading('source', true),
  fibDestination: leading('destination', false),
  markedFibDestination: leading('destination', true),
} as const satisfies Partial<Record<ValueField, LookedUp>>;

export type LookedUpField = keyof typeof LOOKED_UP;

export const isLookedUp = (field: FieldName): field is LookedUpField => Object.hasOwn(LOOKED_UP, field);

/** All but the two that hang on one address alone. */
export const ROUTED_FIELDS = (Object.keys(LOOKED_UP) as (keyof Packet & LookedUpField)[]).filter(
  (field) => field !== 'sourceType' && field !== 'destinationType',
);

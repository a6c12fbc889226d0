import { complement, type PortRange, union } from '../address/index.ts';
import { intersection } from './box.ts';

/** Sets of ports, as sorted ranges that do not touch. */
export type Ports = readonly PortRange[];

export const ALL_PORTS: Ports = [[0, 65535]];

export const bothPorts = (a: Ports, b: Ports): Ports => intersection(a, b) as unknown as Ports;

export const withoutPorts = (a: Ports, b: Ports): Ports => bothPorts(a, complement(b, 0, 65535) as unknown as Ports);

export const joinedPorts = (...sets: readonly Ports[]): Ports => union(sets.flat()) as unknown as Ports;

/** Whether the first set holds all of the second. */
export const holdsPorts = (a: Ports, b: Ports): boolean => withoutPorts(b, a).length === 0;

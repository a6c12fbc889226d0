import type { Notice } from './interception.ts';

/** Something to say, if it applies. */
export type Said = Notice | false;

export const note = (applies: boolean, about: string, message: string, packet?: string): Said =>
  applies && { about, message, ...(packet === undefined ? {} : { packet }) };

export const isSaid = (said: Said): said is Notice => said !== false;

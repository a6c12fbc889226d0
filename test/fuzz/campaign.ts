import { attempt, inputOf } from './attempt.ts';
import type { Format } from './formats.ts';
import { shrunk } from './shrink.ts';

/** What came of all inputs of a format. */
export interface Tally {
  readonly inputs: number;
  /** Those that were read; the others were refused with diagnostics. */
  readonly read: number;
  /** Of the slowest. */
  readonly seconds: number;
  readonly bytes: number;
}

/** An input that did what none may do, made small. */
export interface Failure {
  readonly format: string;
  readonly number: number;
  readonly why: string;
  readonly text: string;
}

/** Inputs one after the other. `beat` hears of each before it is tried. */
export interface Campaign {
  readonly seed: number;
  readonly formats: readonly Format[];
  readonly from: number;
  more(number: number): boolean;
  beat?(number: number): void;
  count(format: string, tally: Tally): void;
  fail(failure: Failure): void;
}

export function runCampaign({ seed, formats, from, more, beat, count, fail }: Campaign): void {
  for (let number = from; more(number); number += 1) {
    beat?.(number);
    const input = inputOf(seed, number, formats);
    const { read, seconds, failure } = attempt(input);
    const { name } = input.format;
    count(name, { inputs: 1, read: read ? 1 : 0, seconds, bytes: input.text.length });
    if (failure === undefined) continue;
    // On a busy machine a collection of garbage may fall into any input: what is slow is slow again.
    if (failure.startsWith('took') && attempt(input).failure === undefined) continue;
    fail({ format: name, number, why: failure, text: shrunk(input, failure) });
  }
}

export const added = (one: Tally | undefined, other: Tally): Tally =>
  one
    ? {
        inputs: one.inputs + other.inputs,
        read: one.read + other.read,
        seconds: Math.max(one.seconds, other.seconds),
        bytes: one.bytes + other.bytes,
      }
    : other;

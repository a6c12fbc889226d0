import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseNft, parseNftJson, readInput } from '../../src/text/index.ts';
import { shownByBoth } from '../support/nft-shown.ts';

const FOLDER = new URL('../cases/nft/', import.meta.url);
const names = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
const read = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

describe('what nft lists', () => {
  test.each(names)('%s: its text and its JSON are the same', (name) => {
    expect(shownByBoth(parseNft(read(`${name}.txt`)))).toEqual(shownByBoth(parseNftJson(read(`${name}.json`))));
  });

  test.each(names)('%s: nothing is unknown', (name) => {
    expect(JSON.stringify(readInput(read(`${name}.txt`)).native, plain)).not.toContain('"opaque"');
  });
});

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

import { describe, expect, test } from 'vitest';
import { parseSave, printSave } from '../../src/text/index.ts';
import { textCases } from '../support/cases.ts';

describe('a rule set prints as the kernel reprints it', () => {
  test.for(textCases('reprint.txt'))('$title', ({ input, expected }) => {
    const [rules] = parseSave(input);
    expect(printSave(rules!)).toBe(expected);
    expect(printSave(parseSave(expected)[0]!)).toBe(expected);
  });
});

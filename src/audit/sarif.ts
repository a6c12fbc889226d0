import type { Audit, Named } from './audit.ts';
import type { Level, PlacedRule } from './finding.ts';
import { KINDS } from './kinds/index.ts';
import { notesOf } from './screen.ts';

// SARIF, the form in which code scanners and their hosts take findings. Source: OASIS, Static Analysis Results Interchange Format
// 2.1.0, sections 3.13 to 3.33, 3.58.

const LEVEL: Readonly<Record<Level, 'error' | 'warning' | 'note'>> = { high: 'error', medium: 'warning', info: 'note' };

/**
 * The findings of an audit as a SARIF log.
 *
 * @param file the file that the rules were read from, where they were
 * @param version of Sidestep
 */
export const sarif = (audit: Audit, { file, version }: { readonly file?: string; readonly version: string }) => ({
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [
    {
      tool: {
        driver: {
          name: 'sidestep',
          version,
          rules: KINDS.map(({ name, about }) => ({ id: name, shortDescription: { text: about } })),
        },
      },
      // What was not looked at, which a reader of results alone would not see.
      invocations: [
        {
          executionSuccessful: true,
          toolExecutionNotifications: notesOf(audit).map((text) => ({ level: 'note', message: { text } })),
        },
      ],
      results: audit.findings.map((finding) => resultOf(finding, file)),
    },
  ],
});

function resultOf({ kind, level, says, rules, mend }: Named, file: string | undefined) {
  return {
    ruleId: kind,
    ruleIndex: KINDS.findIndex(({ name }) => name === kind),
    level: LEVEL[level],
    message: { text: mend === undefined ? says : `${says} Mend it: ${mend}` },
    ...(rules.length === 0 && file === undefined ? {} : { locations: locationsOf(rules, file) }),
  };
}

/** Where a finding is: the rule that brings it about; the file where there is none. The others are related to it. */
function locationsOf([rule]: readonly PlacedRule[], file: string | undefined) {
  const physical = file === undefined ? {} : { physicalLocation: physicalOf(file, rule?.line) };
  return [{ ...physical, ...(rule ? { logicalLocations: [logicalOf(rule)] } : {}) }];
}

const physicalOf = (file: string, line: number | undefined) => ({
  artifactLocation: { uri: encodeURI(file.replace(/\\/g, '/')) },
  ...(line === undefined ? {} : { region: { startLine: line } }),
});

const logicalOf = ({ family, backend, table, chain, number }: PlacedRule) => ({
  name: `${chain} ${number}`,
  fullyQualifiedName: `${family}/${backend}/${table}/${chain}/${number}`,
  kind: 'element',
});

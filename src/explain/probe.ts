import { type Block, bad, good, line, paragraph, warn } from './screen.ts';

/** What became of a live probe. */
export interface ProbeShown {
  readonly outcome: 'redirected' | 'altered' | 'missed' | 'taken' | 'impossible';
  /** In one clause: `127.0.0.6:15002 arrived on port 15006 with its original destination`. */
  readonly explanation: string;
}

/** A live probe in one line each: ✓ it arrived, ✗ it did not, ? it could not be told. */
export const probeBlocks = (results: readonly ProbeShown[]): Block[] =>
  results.map(({ outcome, explanation }) => paragraph(line(markOf(outcome), `live probe: ${explanation}`), 2));

function markOf(outcome: ProbeShown['outcome']) {
  switch (outcome) {
    case 'redirected':
      return good('✓ ');
    case 'altered':
    case 'missed':
      return bad('✗ ');
    case 'taken':
    case 'impossible':
      return warn('? ');
  }
}

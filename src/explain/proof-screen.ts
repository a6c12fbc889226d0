import { boxesOf } from '../analysis/index.ts';
import { endPhrase } from './difference.ts';
import type { Moved, Spoken } from './moved.ts';
import { boxWords } from './packet-set.ts';
import { cutOff, cutsAll, isExact, type Proof } from './proof.ts';
import { type Block, bad, faint, good, type Line, line, paragraph, strong, table, warn } from './screen.ts';
import { familyWord, listed } from './words.ts';

/** What is known of a bypass for all packets: what changes, what else would, what would not though it was meant to. */
export function proofBlocks(proof: Proof): Block[] {
  const { moved, beyond, left, open } = proof;
  return [
    ...titleOf(proof),
    movedTable(moved.filter((one) => !isAside(one))),
    ...(moved.some(isAside)
      ? [paragraph(line(faint('  packets to these ports of other hosts, which the proxy took, are dropped')), 4)]
      : []),
    ...(cutOff(proof).length === 0
      ? []
      : [
          paragraph(
            line(
              cutsAll(proof) ? bad('✗ ') : warn('! '),
              'What is dropped or rejected now reaches nobody: other rules let the proxy’s port in, and not this one',
            ),
            2,
          ),
        ]),
    ...(beyond.length === 0 ? [] : [paragraph(line(bad('✗ '), 'These would change, too:'), 2), movedTable(beyond)]),
    ...(left.length === 0
      ? []
      : [
          paragraph(line(bad('✗ '), 'These would still go to the proxy:'), 2),
          table(
            left.map((one) => packetCells({ ...one, bound: 'here' })),
            { indent: 2 },
          ),
        ]),
    ...(open.length === 0
      ? []
      : [paragraph(line(warn('? '), `not proved of some packets, because ${listed([...new Set(open)])}`), 2)]),
  ];
}

/** Where nothing is seen to change and some packets could not be looked at, it is not said that nothing does. */
function titleOf(proof: Proof): readonly Block[] {
  const { moved, open } = proof;
  const title = moved.length === 0 ? 'nothing changes' : 'exactly these change, and nothing else does:';
  if (isExact(proof)) return [paragraph(line(good('✓ '), 'Proved, over all packets: ', title), 2)];
  if (moved.length === 0 && open.length > 0) return [];
  return [paragraph(line(bad('✗ '), moved.length === 0 ? 'What was asked for does not change' : 'These change:'), 2)];
}

/** What is not for this host, and is dropped where nobody takes it for the proxy. */
const isAside = ({ direction, bound, after }: Moved): boolean =>
  direction === 'in' && bound === 'elsewhere' && after.kind === 'dropped';

/** What moves, a row each: whose, which packets, from where to where. */
export const movedTable = (moved: readonly Moved[], indent = 2): Block => table(moved.map(movedRow), { indent });

const movedRow = (moved: Moved): Line[] => {
  const [was, is] = [moved.before, moved.after].map((end) => endPhrase(end, moved.packets));
  return [...packetCells(moved), line(was!, faint(' → '), strong(is!), moved.sure ? '' : warn(' (perhaps)'))];
};

/** More boxes are not said. */
const MOST_BOXES = 3;

const wayWord = ({ direction, bound }: Pick<Moved, 'direction' | 'bound'>): string =>
  direction === 'in' ? 'inbound' : bound === 'here' ? 'own calls' : 'outbound';

const packetCells = (moved: Spoken & Pick<Moved, 'bound'>): Line[] => [
  line(`${wayWord(moved)} ${familyWord(moved.family)}`),
  line(packetsSaid(moved, MOST_BOXES).join('; ')),
];

/** Packets in words, one box each. */
export function packetsSaid({ packets, among, family, direction }: Spoken, most?: number): readonly string[] {
  const { boxes, complete } = boxesOf(packets, most, among);
  return [...boxes.map((box) => boxWords(box, family, direction)), ...(complete ? [] : ['and others'])];
}

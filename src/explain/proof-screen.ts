import { boxesOf } from '../analysis/index.ts';
import { endPhrase } from './difference.ts';
import { boxWords } from './packet-set.ts';
import { isExact, type Moved, type Proof } from './proof.ts';
import { type Block, bad, faint, good, type Line, line, paragraph, strong, table, warn } from './screen.ts';
import { familyWord, listed } from './words.ts';

/** What is known of a bypass for all packets: what changes, what else would, what would not though it was meant to. */
export function proofBlocks(proof: Proof): Block[] {
  const { moved, beyond, left, open } = proof;
  const title = moved.length === 0 ? 'nothing changes' : 'exactly these change, and nothing else does';
  return [
    isExact(proof)
      ? paragraph(line(good('✓ '), 'Proved, over all packets: ', title, moved.length === 0 ? '' : ':'), 2)
      : paragraph(line(bad('✗ '), moved.length === 0 ? 'What was asked for does not change' : 'These change:'), 2),
    table(moved.filter((one) => !isAside(one)).map(movedRow), { indent: 2 }),
    ...(moved.some(isAside)
      ? [paragraph(line(faint('  packets to these ports of other hosts, which the proxy took, are dropped')), 4)]
      : []),
    ...(beyond.length === 0
      ? []
      : [paragraph(line(bad('✗ '), 'These would change, too:'), 2), table(beyond.map(movedRow), { indent: 2 })]),
    ...(left.length === 0
      ? []
      : [
          paragraph(line(bad('✗ '), 'These would still go to the proxy:'), 2),
          table(
            left.map((one) => [...packetCells(one)]),
            { indent: 2 },
          ),
        ]),
    ...(open.length === 0
      ? []
      : [paragraph(line(warn('? '), `not proved of some packets, because ${listed([...new Set(open)])}`), 2)]),
  ];
}

/** What is not for this host, and is dropped where nobody takes it for the proxy. */
const isAside = ({ foreign, after }: Moved): boolean => foreign && after.kind === 'dropped';

const movedRow = (moved: Moved): Line[] => {
  const [was, is] = [moved.before, moved.after].map((end) => endPhrase(end, moved.packets));
  return [...packetCells(moved), line(was!, faint(' → '), strong(is!))];
};

/** More boxes are not said. */
const MOST_BOXES = 3;

const packetCells = (moved: Omit<Moved, 'before' | 'after'>): Line[] => [
  line(`${moved.direction === 'in' ? 'inbound' : 'own calls'} ${familyWord(moved.family)}`),
  line(packetsSaid(moved, MOST_BOXES).join('; ')),
];

/** Packets in words, one box each. */
export function packetsSaid(
  { packets, among, family, direction }: Omit<Moved, 'before' | 'after'>,
  most?: number,
): readonly string[] {
  const { boxes, complete } = boxesOf(packets, most, among);
  return [...boxes.map((box) => boxWords(box, family, direction)), ...(complete ? [] : ['and others'])];
}

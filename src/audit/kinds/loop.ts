import { boxesOf, type PacketSet } from '../../analysis/index.ts';
import { familyWord } from '../../explain/index.ts';
import { type FieldName, UDP } from '../../netfilter/index.ts';
import { type Audited, deciding, exampleBy, exampleWords, fated, surelyFated } from '../audited.ts';
import type { Finding } from '../finding.ts';
import { type Lane, TCP_ONLY, UNMARKED } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** What tells the connections of one program from those of another. */
const TELLING: readonly FieldName[] = ['uid', 'gid', 'owned', 'mark', 'source', 'sourcePort'];

/** The proxy's own connections come back to it. */
export const loop: Kind = {
  name: 'loop',
  about: "The proxy's own connections are turned back to the proxy: it calls itself without end.",
  look: (audited) =>
    audited.lanes
      .filter(({ name }) => name === 'outbound')
      .flatMap((lane): readonly Finding[] => {
        const turned = surelyFated(lane, 'proxy');
        const [caught, datagrams] = [turned?.where(TCP_ONLY), turned?.where(UDP_ONLY)];
        const queries =
          datagrams && !datagrams.isEmpty && sparesNobody(lane, datagrams)
            ? [nobodySpared(audited, lane, datagrams, ' over UDP')]
            : [];
        if (!caught || caught.isEmpty) return queries;
        if (sparesNobody(lane, caught)) return [nobodySpared(audited, lane, caught), ...queries];
        if (queries.length > 0) return queries;
        const running = proxyCaught(audited, lane, caught);
        return running.length > 0 ? running : identityCaught(audited, lane, caught);
      }),
};

const UDP_ONLY = { kind: 'in', field: 'protocol', ranges: [[UDP, UDP]] } as const;

/** Whether no rule asks whose connection it is. */
function sparesNobody({ all }: Lane, caught: PacketSet): boolean {
  const { boxes, complete } = boxesOf(caught, 12, all);
  return complete && boxes.every((box) => TELLING.every((field) => !box.has(field)));
}

function nobodySpared(audited: Audited, { family }: Lane, caught: PacketSet, which = ''): Finding {
  const example = audited.example(caught);
  return {
    level: 'high',
    family,
    says: `outbound ${familyWord(family)}${which} is turned to the proxy whoever calls, so what the proxy itself sends comes back to it${example ? `, as does ${exampleWords(example)}` : ''}.`,
    ...(example ? { example, rules: deciding(example.trace) } : { rules: [] }),
    mend: 'let the proxy run as a user of its own, and let that user pass: -m owner --uid-owner UID -j RETURN',
  };
}

/** The user of who listens on the proxy's ports, whose every connection comes back. */
function proxyCaught(audited: Audited, lane: Lane, caught: PacketSet): readonly Finding[] {
  const { snapshot, proxyPorts } = audited;
  const users = new Set(
    (snapshot.listeners ?? []).flatMap(({ port, uid }) =>
      uid !== undefined && proxyPorts.includes(port) ? [uid] : [],
    ),
  );
  return [...users].flatMap((uid): readonly Finding[] => {
    const by = { kind: 'in', field: 'uid', ranges: [[uid, uid]] } as const;
    const example = exampleBy(audited, caught, 'uid', uid);
    if (!example || fated(lane, 'direct')?.where(TCP_ONLY).where(by).isEmpty === false) return [];
    return [
      {
        level: 'high',
        family: lane.family,
        says:
          `the proxy runs as uid ${uid}, and outbound ${familyWord(lane.family)} of that user is turned to the proxy: ` +
          `${exampleWords(example)} comes back to it.`,
        example,
        rules: deciding(example.trace),
        mend: `run the proxy as the user that the rules let pass, or let uid ${uid} pass`,
      },
    ];
  });
}

/** Some of what the user or group sends that the mesh's rules are to spare: marks aside, by which the mesh itself takes it back. */
function identityCaught(audited: Audited, lane: Lane, caught: PacketSet): readonly Finding[] {
  const { uids = [], gids = [] } = audited.written?.interception.proxy ?? {};
  const named = (field: 'uid' | 'gid', words: readonly string[]) =>
    words.filter((word) => /^\d+$/.test(word)).map((word) => ({ field, number: Number(word) }));
  const unmarked = caught.where(UNMARKED);
  const found = [...named('uid', uids), ...named('gid', gids)].flatMap(({ field, number }) => {
    const example = exampleBy(audited, unmarked, field, number);
    return example && unmarked.space.domain.fields.has(field) ? [{ field, number, example }] : [];
  });
  return found.slice(0, 1).map(({ field, number, example }) => ({
    level: 'high',
    family: lane.family,
    says:
      `${field} ${number} is the proxy's by these rules, and some outbound ${familyWord(lane.family)} of it is turned to the proxy: ` +
      `${exampleWords(example)} comes back to it.`,
    example,
    rules: deciding(example.trace),
    mend: `let ${field} ${number} pass again: -m owner --${field}-owner ${number} -j RETURN, before what turns outbound connections`,
  }));
}

import type { PortRange } from '../../address/index.ts';
import { type DriftFound, familyWord, outcomePhrase } from '../../explain/index.ts';
import { bypassesIn, idleBypasses } from '../../interception/index.ts';
import { type Audited, exampleWords } from '../audited.ts';
import type { Finding } from '../finding.ts';
import { found, placeWords } from './drift.ts';
import type { Kind } from './kind.ts';

/** Bypasses of Sidestep's. */
export const bypassed: Kind = {
  name: 'bypass',
  about: 'A bypass lets connections pass the proxy by, as it was made to.',
  look: (audited) =>
    audited.drifts.flatMap((drift) =>
      drift.bypass
        ? [
            withPacket(
              audited,
              drift,
              found(
                audited,
                drift,
                () => 'info',
                (means) => `${placeWords(drift)} is ${drift.bypass}${means}`,
                { mend: audited.command(`bypass ${portsOf(audited, drift)} --undo`) },
              ),
            ),
          ]
        : [],
    ),
};

/** Of one that is over, or whose time is not known, a packet that it names. */
function withPacket(audited: Audited, drift: DriftFound, finding: Finding): Finding {
  const [port] = portsOf(audited, drift).split(/[ -]/);
  const example = finding.example ?? audited.asked(`in tcp/${port}`, drift.family);
  return example ? { ...finding, example } : finding;
}

/** Bypasses that let nothing pass. */
export const idleBypass: Kind = {
  name: 'idle-bypass',
  about: 'A bypass lets nothing pass: without it, its ports would go past the proxy all the same.',
  look: ({ snapshot, now, command, asked }) =>
    idleBypasses(snapshot, now).map(({ family, backend, table, chain, number, ports, kind }): Finding => {
      const words = typed(ports);
      const example = asked(`${kind === 'self' ? 'self' : 'in'} tcp/${ports[0]?.[0] ?? 0}`, family);
      const goes = example
        ? `: ${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}, with it and without`
        : '';
      return {
        level: 'info',
        family,
        says: `the ${familyWord(family)} bypass of tcp ${words} in ${table} ${chain} ${number} has no effect now${goes}.`,
        ...(example ? { example } : {}),
        rules: [{ family, backend, table, chain, number }],
        mend: command(`bypass ${words} --undo`),
      };
    }),
};

/** The ports that a bypass names. */
function portsOf({ snapshot, now }: Audited, { backend, family, table, chain, number }: DriftFound): string {
  const its = bypassesIn(snapshot, now).find(
    (one) =>
      one.backend === backend &&
      one.family === family &&
      one.table === table &&
      one.chain === chain &&
      one.number === number,
  );
  return typed(its?.ports ?? []);
}

/** Ports as the command takes them. */
const typed = (ports: readonly PortRange[]): string =>
  ports.map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(' ');

import type { RuleSet } from '../netfilter/index.ts';
import type { Interception, Recognition } from './interception.ts';
import { chainOfTarget, isOwnChain, ownership } from './own.ts';
import { turnsAnything } from './proxy-ports.ts';
import { readBack2018 } from './read-back-2018.ts';
import { readBackIstio } from './read-back-istio.ts';
import { type Reading, readingOf } from './reading.ts';
import { recognitionOf } from './recognition.ts';

type Generation = 'istio' | 'istio-2018';

/**
 * Which generation of Istio wrote these rules. The form of 2018 sends only tcp from OUTPUT to its chain, and does not know
 * the passthrough address; those between it and today's count as today's.
 */
export function generationOf(rules: RuleSet): Generation | undefined {
  const names = rules.tables.flatMap(({ chains }) => chains.map(({ name }) => name)).filter(isOwnChain);
  // Ambient's chains are Istio's too, but there is no sidecar behind them.
  if (names.length === 0 || names.includes('ISTIO_PRERT') || isLeftOver(rules)) return undefined;
  const reading = readingOf(rules);
  const jumps = reading.lines('nat', 'OUTPUT');
  if (jumps.includes('-j ISTIO_OUTPUT') || rules.family === 'ipv6') return 'istio';
  const isToday =
    reading.lines('nat', 'ISTIO_OUTPUT').some((line) => line.startsWith('-s 127.0.0.6/32 -o lo ')) ||
    names.some((name) => ['ISTIO_DROP', 'ISTIO_OUTPUT_DNS', 'ISTIO_OUTPUT_GROUPS'].includes(name));
  return isToday ? 'istio' : 'istio-2018';
}

/** The interception that these rules were written from, as far as they tell; undefined when Istio did not write them. */
export function readBack(rules: RuleSet, together?: readonly RuleSet[]): Interception | undefined {
  const generation = generationOf(rules);
  if (!generation) return undefined;
  const reading: Reading = readingOf(rules, together);
  if (generation === 'istio-2018') return readBack2018(reading);
  const others = (together ?? []).filter(({ family }) => family !== rules.family);
  return readBackIstio(
    reading,
    others.map((other) => readingOf(other, together)),
  );
}

/** Chains of Istio's that nothing leads to, and that turn nothing: what an interception left behind. */
const isLeftOver = (rules: RuleSet): boolean =>
  !turnsAnything(rules) &&
  !rules.tables.some(({ chains }) =>
    chains.some(
      ({ policy, rules: own }) => policy !== undefined && own.some((rule) => isOwnChain(chainOfTarget(rule) ?? '')),
    ),
  );

/** Recognises today's Istio. */
export const recogniseIstio = (rules: RuleSet, now?: number): Recognition | undefined =>
  generationOf(rules) === 'istio' ? recogniseAs('Istio', rules, now) : undefined;

/** Recognises Istio's form of 2018. */
export const recogniseIstio2018 = (rules: RuleSet, now?: number): Recognition | undefined =>
  generationOf(rules) === 'istio-2018' ? recogniseAs('Istio (2018 form)', rules, now) : undefined;

function recogniseAs(title: string, rules: RuleSet, now: number | undefined): Recognition {
  const own = ownership(rules);
  const { dialect, proxy, outboundPort, inboundPort, tunnelPort, dns } = readBack(rules) as Interception;
  return recognitionOf(
    rules,
    {
      dialect,
      title,
      isOwn: (rule) => own.has(rule),
      proxy,
      // In the tunnel and for DNS it is the proxy (or its agent) that listens, though nothing is redirected there.
      proxyPorts: [
        outboundPort,
        inboundPort,
        ...(dialect === 'istio' ? [tunnelPort] : []),
        ...(dns.capture ? [dns.port] : []),
      ],
    },
    now,
  );
}

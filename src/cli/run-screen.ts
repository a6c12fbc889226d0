import { bad, faint, good, line, name, paragraph, type Screen, typed, warn } from '../explain/index.ts';
import type { Answered, Call, PublishedPort, Ready } from '../run/index.ts';

const HANG = 9;

/** What is reached where, and how to look: before the app has said anything. */
export function readyScreen({ pid, address }: Ready, ports: readonly PublishedPort[], program: string): Screen {
  const [first] = ports;
  const aside = first ? [' · ', typed(`${program} bypass ${first.appPort} --pid ${pid} --apply`)] : [];
  const published = ports.map((port) => `${host(port)} → app :${port.appPort}`);
  const reached = published.length > 0 ? published.join(', ') : 'no port is published';
  return [
    paragraph(
      line(good('sidecar'), `  ${reached} · app ${address} · `, typed(`${program} list --pid ${pid}`), ...aside),
      HANG,
    ),
  ];
}

const host = ({ address = '127.0.0.1', port }: PublishedPort): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;

/** A call: who called whom, what was said, how much of it, and how it ended where that was not by itself. */
export function callScreen({ record, name: found, caller, open, past }: Call): Screen {
  const { direction, destination, start, received, sent, duration, failure, details, flag, spoken } = record;
  const inbound = direction === 'inbound';
  const from = inbound && caller && !isHere(caller.address) ? `${caller.address} → ` : '';
  const to = !destination ? 'nowhere' : inbound ? `app :${destination.port}` : called(destination, found);
  const speaks =
    spoken && spoken.protocol !== 'other'
      ? [spoken.protocol, ...(spoken.serverName && spoken.serverName !== found ? [spoken.serverName] : [])]
      : [];
  const why = failure ?? details;
  return [
    paragraph(
      line(
        faint(clock(open ? Date.now() : start)),
        '  ',
        inbound ? good('in ') : name('out'),
        `  ${from}${to}`,
        faint(
          `  ${[...speaks, `${amount(received)} →`, `${amount(sent)} ←`].join(' ')}  ${open ? 'open' : `${duration} ms`}`,
        ),
        ...(past ? [warn('  past the sidecar')] : []),
        ...(flag ? [bad(`  ${flag}`), why === undefined ? '' : ` ${why}`] : []),
      ),
      HANG,
    ),
  ];
}

/** Whether a caller is on this host: nobody to be named. */
const isHere = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** An address by the name that it was found by, and itself. */
function called({ address, port }: NonNullable<Call['caller']>, found: string | undefined): string {
  const plain = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return found === undefined ? plain : `${found}:${port} (${address})`;
}

/** A name that was asked for. */
export const nameScreen = ({ name: asked, addresses, failure }: Answered): Screen => [
  paragraph(
    line(
      faint(clock(Date.now())),
      '  ',
      faint('dns'),
      `  ${asked}`,
      failure ? bad(`  ${failure}`) : ` is ${addresses.join(', ')}`,
    ),
    HANG,
  ),
];

/** Packets that nobody carries. */
export const astrayScreen = (packets: number): Screen => [
  paragraph(
    line(
      faint(clock(Date.now())),
      '  ',
      name('out'),
      bad(`  ${packets} ${packets === 1 ? 'packet' : 'packets'} found no way`),
      ': only TCP and questions for names (DNS) leave, through the sidecar',
    ),
    HANG,
  ),
];

export const troubleScreen = (what: string): Screen => [paragraph(line(warn('trouble:'), ` ${what}`))];

/** The time of day here, to the millisecond. */
const clock = (at: number): string => {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const millis = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
};

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

function amount(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

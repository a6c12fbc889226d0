import { bad, faint, good, line, name, paragraph, type Screen, typed, warn } from '../explain/index.ts';
import type { ConnectionRecord } from '../proxy/index.ts';
import type { Answered, PublishedPort, Ready } from '../run/index.ts';

const HANG = 9;

type NameOf = (address: string) => string | undefined;

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

/** A connection that has ended: who called whom, what went over it, and how it ended where that was not by itself. */
export function connectionScreen(record: ConnectionRecord, nameOf: NameOf): Screen {
  const { direction, destination, start, received, sent, duration, failure, details, flag } = record;
  const where = destination
    ? direction === 'inbound'
      ? `app :${destination.port}`
      : called(destination.address, destination.port, nameOf)
    : 'nowhere';
  const [arrow, tone] = direction === 'inbound' ? ['in ', good] : ['out', name];
  const why = failure ?? details;
  return [
    paragraph(
      line(
        faint(clock(start)),
        '  ',
        tone(arrow),
        `  ${where}`,
        faint(`  ${amount(received)} → ${amount(sent)} ←  ${duration} ms`),
        ...(flag ? [bad(`  ${flag}`), why === undefined ? '' : ` ${why}`] : []),
      ),
      HANG,
    ),
  ];
}

/** An address by the name that it was found by, and itself. */
function called(address: string, port: number, nameOf: NameOf): string {
  const known = nameOf(address);
  const plain = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return known === undefined ? plain : `${known}:${port} (${address})`;
}

/** A name that was found. */
export const nameScreen = ({ name: found, addresses }: Answered): Screen => [
  paragraph(line(faint(clock(Date.now())), '  ', faint('dns'), `  ${found} is ${addresses.join(', ')}`), HANG),
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

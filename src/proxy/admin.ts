import { LOG_LEVELS, type LogLevel } from './access-log.ts';
import { formatRecord } from './access-log-line.ts';
import type { Settings } from './config.ts';
import type { ConnectionRecord } from './engine.ts';
import { type Answer, type Asked, type OpenHttp, openHttp } from './http.ts';

/** Nobody else reaches it: it tells who is connected, and ends the proxy. */
const LOOPBACK = '127.0.0.1';

/** What may be asked and told at the admin port. */
export interface Administered {
  readonly settings: Settings;
  /** The open connections. */
  open(): Promise<readonly ConnectionRecord[]>;
  /** Numbers since the start. */
  statistics(): object;
  readonly log: { level: LogLevel };
  drain(): void;
}

const HELP = `GET  /connections         the open connections, one JSON line each, in the access log's fields
GET  /config              what the proxy was told, and its defaults
GET  /stats               connections open, ended and refused; lines of the access log dropped
GET  /log                 which connections are logged: ${LOG_LEVELS.join(', ')}
POST /log?level=LEVEL     from now on
POST /drain               shut down as on SIGTERM
`;

/** A port on the loopback for who runs the proxy. Throws Node's error as it comes. */
export const openAdmin = (port: number, of: Administered, given?: number): Promise<OpenHttp> =>
  openHttp(LOOPBACK, port, (asked) => answered(asked, of), given);

async function answered({ method, path, query, fromPage }: Asked, of: Administered): Promise<Answer> {
  if (fromPage)
    return { status: 403, text: 'not for pages in a browser: ask for http://127.0.0.1, without an origin\n' };
  switch (`${method} ${path}`) {
    case 'GET /':
    case 'GET /help':
      return { status: 200, text: HELP };
    case 'GET /connections': {
      const lines = (await of.open()).map((record) => formatRecord(record));
      return { status: 200, type: 'application/x-ndjson', text: lines.join('') };
    }
    case 'GET /config':
      return json(of.settings);
    case 'GET /stats':
      return json(of.statistics());
    case 'GET /log':
      return { status: 200, text: `${of.log.level}\n` };
    case 'POST /log': {
      const level = LOG_LEVELS.find((one) => one === query.get('level'));
      if (!level) return { status: 400, text: `expected ?level= and one of ${LOG_LEVELS.join(', ')}\n` };
      of.log.level = level;
      return { status: 200, text: `${level}\n` };
    }
    case 'POST /drain':
      of.drain();
      return { status: 202, text: 'draining\n' };
    default:
      return { status: 404, text: HELP };
  }
}

const json = (value: object): Answer => ({
  status: 200,
  type: 'application/json',
  text: `${JSON.stringify(value, undefined, 2)}\n`,
});

import { type Administered, openAdmin } from './admin.ts';
import type { Settings } from './config.ts';
import { onEitherFamily } from './either-family.ts';
import { besideAt, type Handed, type HandedBeside } from './handed.ts';
import type { OpenHttp } from './http.ts';
import { type Counted, openMetrics } from './metrics.ts';
import { openReadiness, type Readiness } from './readiness.ts';

/** The ports for those who ask. Each is undefined where it was not asked for, or is not open yet. */
export class Beside {
  readonly #settings: Settings;
  /** What was taken over from another proxy, if anything was. */
  readonly #taken: Handed | undefined;
  admin: OpenHttp | undefined;
  metrics: OpenHttp | undefined;
  readiness: Readiness | undefined;

  constructor(settings: Settings, taken: Handed | undefined) {
    this.#settings = settings;
    this.#taken = taken;
  }

  /** Opens all but readiness. Throws PortUnavailable. */
  async open(administered: Administered, counted: Counted): Promise<void> {
    const { adminPort, metricsPort, address } = this.#settings;
    if (adminPort !== 'none') {
      const given = besideAt(this.#taken, 'admin', adminPort);
      this.admin = await onEitherFamily('', adminPort, 'admin', () => openAdmin(adminPort, administered, given));
    }
    if (metricsPort !== 'none') {
      const given = besideAt(this.#taken, 'metrics', metricsPort);
      const open = (at: string) => openMetrics(at, metricsPort, counted, given);
      this.metrics = await onEitherFamily(address, metricsPort, 'metrics', open);
    }
  }

  /** Opens the port that says that connections are served. Throws PortUnavailable. */
  async openReadiness(): Promise<void> {
    const { readinessPort, address } = this.#settings;
    if (readinessPort === 'none') return;
    const given = besideAt(this.#taken, 'readiness', readinessPort);
    const open = (at: string) => openReadiness(at, readinessPort, given);
    this.readiness = await onEitherFamily(address, readinessPort, 'readiness', open);
  }

  /** Readiness begins to fail. */
  fail(): void {
    this.readiness?.fail();
  }

  /** Takes no more connections: another proxy answers at these ports. */
  stop(): void {
    for (const open of this.#all) open.stop();
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((open) => open.close()));
  }

  /** What the ports are, for whoever takes this proxy's place. */
  handed(): readonly HandedBeside[] {
    const { readiness, metrics, admin } = this;
    return Object.entries({ readiness, metrics, admin }).flatMap(([name, open]) => {
      const { port, descriptor } = open ?? {};
      return port === undefined || descriptor === undefined ? [] : [{ name, port, descriptor } as HandedBeside];
    });
  }

  get #all(): readonly OpenHttp[] {
    return [this.readiness, this.metrics, this.admin].filter((open) => open !== undefined);
  }
}

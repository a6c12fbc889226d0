import type { Settings } from './config.ts';
import type { Engine } from './engine.ts';
import { EngineUnavailable } from './errors.ts';
import type { Instead } from './front.ts';

export interface ChosenEngine {
  readonly engine: Engine;
  /** Why it is not `epoll`, where that was not refused; in words. */
  readonly because: string | undefined;
}

/** The engine that the settings ask for; `auto` is epoll where it works. Throws EngineUnavailable. */
export async function chooseEngine({ engine: asked, workers }: Settings): Promise<ChosenEngine> {
  let because: string | undefined;
  if (asked !== 'net') {
    const { epollEngine, whyNoEpoll } = await import('./epoll/index.ts');
    because = whyNoEpoll();
    if (because === undefined) return { engine: epollEngine({ workers: workers || undefined }), because };
    if (asked === 'epoll') throw new EngineUnavailable(because);
  }
  return { engine: await openNet(), because };
}

/** `net` in the place of an engine that cannot be started after all, where neither `epoll` was asked for nor an engine given. */
export const netInstead =
  ({ engine: asked }: Settings, given: Engine | undefined): Instead =>
  async (error) => {
    if (given || asked !== 'auto' || !(error instanceof EngineUnavailable)) throw error;
    return { engine: await openNet(), because: error.why };
  };

async function openNet(): Promise<Engine> {
  const { netEngine } = await import('./net-engine.ts');
  return netEngine();
}

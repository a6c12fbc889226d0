import type { Settings } from './config.ts';
import type { Engine } from './engine.ts';
import { EngineUnavailable } from './errors.ts';

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
  const { netEngine } = await import('./net-engine.ts');
  return { engine: netEngine(), because };
}

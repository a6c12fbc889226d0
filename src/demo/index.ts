export { openStage, type Stage } from './stage.ts';
export { type Claim, type DemoDialect, type Scene, story, type Told } from './story.ts';

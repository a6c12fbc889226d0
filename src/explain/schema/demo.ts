import { z } from 'zod';

/** `sidestep demo -o json`: the steps, what was seen, and every claim with its check. */
export const demoDocument = z.object({
  schema: z.literal('sidestep/demo/1'),
  dialect: z.string(),
  holds: z.boolean().describe('every claim holds'),
  steps: z.array(
    z.object({
      title: z.string(),
      commands: z.array(z.string()).describe('what a user would type'),
      output: z.string(),
      claims: z.array(
        z.object({
          text: z.string(),
          holds: z.boolean(),
          seen: z.string().optional().describe('what was seen instead, where it does not hold'),
        }),
      ),
    }),
  ),
});

export type DemoDocument = z.infer<typeof demoDocument>;

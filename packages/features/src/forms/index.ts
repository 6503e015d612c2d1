import { highs, lows } from './extremes.ts'
import type { Form } from './form.ts'
import { hashes } from './hashes.ts'
import { newestMoment, newestTwoMoments } from './moments.ts'
import { newest } from './newest.ts'
import { recent } from './recent.ts'
import { totals } from './totals.ts'

/** Every form; the shared suite tests each because it stands here. */
export const forms = { totals, lows, highs, newest, newestMoment, newestTwoMoments, hashes, recent } satisfies Record<
  string,
  Form
>

export type FormName = keyof typeof forms

export { compareBytes, type Difference } from './difference.ts'
export { type RefoldOptions, refold } from './refold.ts'
